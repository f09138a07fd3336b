package main

import (
	"sync"
	"time"
)

// idleResult is what sessions cost that say nothing.
type idleResult struct {
	Login      entryResult `json:"login"`
	RSSMiB     num         `json:"server_rss_mib_after"`
	RSSKiB     num         `json:"server_rss_kib_per_session_after"`
	CPUPercent num         `json:"server_idle_cpu_percent"`
}

// runIdle logs everybody in and lets them be silent for the window. The memory
// is that of the process tree, its size before the first log-in taken off.
func runIdle(opt *options) (any, error) {
	start := measure(opt.pids)
	sessions, entry, err := loginAll(opt)
	if err != nil {
		return nil, err
	}
	stop := attend(sessions)
	settle(sessions, opt.warm)
	before := measure(opt.pids)
	time.Sleep(opt.dur)
	after := measure(opt.pids)
	err = stop()
	leaveAll(sessions)
	return idleResult{
		Login:      entry,
		RSSMiB:     num(float64(after.rssBytes) / (1 << 20)),
		RSSKiB:     num(float64(after.rssBytes-start.rssBytes) / 1024 / float64(len(sessions))),
		CPUPercent: num(after.since(before) / after.at.Sub(before.at).Seconds() * 100),
	}, err
}

// attend keeps silent sessions alive: it answers what the server asks, and
// returns what ends that and reports a stream that broke.
func attend(sessions []*session) (stop func() error) {
	shared := &floor{opt: sessions[0].opt}
	var readers sync.WaitGroup
	var talkers []*talker
	for _, s := range sessions {
		t := &talker{session: s, floor: shared}
		t.peer = t
		talkers = append(talkers, t)
		readers.Add(1)
		go func() {
			defer readers.Done()
			t.listen()
		}()
	}
	return func() error {
		shared.leaving.Store(true)
		for _, t := range talkers {
			_ = t.conn.SetReadDeadline(time.Now())
		}
		readers.Wait()
		if fault := shared.fault.Load(); fault != nil {
			return *fault
		}
		return nil
	}
}

// settle waits until the presences of the log-ins have arrived, and acknowledges
// them as clients do now and then, so that nothing is kept for want of it.
func settle(sessions []*session, warm time.Duration) {
	time.Sleep(warm)
	for _, s := range sessions {
		if s.counts {
			s.mu.Lock()
			_ = s.answerNow()
			s.mu.Unlock()
		}
	}
	time.Sleep(warm)
}
