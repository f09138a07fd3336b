package main

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

// chatResult is what the chat mode reports.
type chatResult struct {
	LoginPerS  num     `json:"login_per_s"`
	LoginCPUus num     `json:"server_cpu_us_per_login"`
	Phases     []phase `json:"phases"`
}

// phase is one rate. "Complete" is delivered and acknowledged; without -sm it
// is delivered.
type phase struct {
	Rate         num    `json:"rate_per_s"` // 0: saturation
	WindowS      num    `json:"window_s"`
	Sent         int64  `json:"sent"`
	Delivered    int64  `json:"delivered"`
	Acknowledged int64  `json:"acknowledged"`
	Complete     int64  `json:"complete"`
	CompletePerS num    `json:"complete_per_s"`
	Copies       int64  `json:"copies_at_other_resources"`
	AnswersSent  int64  `json:"answers_sent"`
	AnswersRead  int64  `json:"answers_read"`
	Carbons      int64  `json:"carbons"`
	Delivery     spread `json:"delivery"`
	Acking       spread `json:"acknowledgement"`

	ServerCPUus      num `json:"server_cpu_us_per_message"` // per complete message
	ServerCPUPercent num `json:"server_cpu_percent"`
	OwnCPUus         num `json:"generator_cpu_us_per_message"`
	OwnCPUPercent    num `json:"generator_cpu_percent"`
	RSSMiB           num `json:"server_rss_mib"`

	// Of the whole phase, warm-up and drain included.
	Undelivered    int   `json:"undelivered_after_drain"`
	Unacknowledged int   `json:"unacknowledged_after_drain"`
	Duplicates     int64 `json:"duplicates"`
	Stale          int64 `json:"stale"`
}

// runChat logs everybody in, in pairs, and runs one phase for each rate; it ends
// early behind a phase that did not drain.
func runChat(opt *options) (any, error) {
	shared := &floor{opt: opt, run: runNumber()}
	sessions, entry, err := loginAll(opt)
	if err != nil {
		return nil, err
	}
	talkers, writers := pairUp(shared, sessions)
	var readers sync.WaitGroup
	for _, t := range talkers {
		readers.Add(1)
		go func(t *talker) {
			defer readers.Done()
			t.listen()
		}(t)
	}
	result := chatResult{LoginPerS: entry.PerS, LoginCPUus: entry.CPUus}
	for _, rate := range opt.rates {
		done, err := shared.phase(rate, talkers, writers)
		result.Phases = append(result.Phases, done)
		if err != nil {
			return result, err
		}
		if done.Undelivered+done.Unacknowledged > 0 {
			break // what is still under way would spoil the next rate's figures
		}
	}
	shared.leaving.Store(true)
	for _, t := range talkers {
		_ = t.conn.SetReadDeadline(time.Now())
	}
	readers.Wait()
	leaveAll(sessions)
	return result, nil
}

// runNumber tells this run's messages from an earlier one's: 8 digits.
func runNumber() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:]) % 100000000
}

// pairUp makes talkers of the sessions: persons 0 and 1 talk, 2 and 3, ...
func pairUp(shared *floor, sessions []*session) (all, writers []*talker) {
	resources := shared.opt.resources
	for i, s := range sessions {
		t := &talker{session: s, floor: shared, number: uint(i % resources)}
		all = append(all, t)
		if t.number == 0 {
			writers = append(writers, t)
		}
	}
	for i, t := range all {
		t.peer = writers[(i/resources)^1]
		t.to = t.peer.bare()
		if shared.opt.full {
			t.to = t.peer.jid
		}
	}
	return all, writers
}

// phase runs one rate: warm-up, window, drain.
func (f *floor) phase(rate float64, all, writers []*talker) (phase, error) {
	stop := f.start(rate, writers)
	f.wait(f.opt.warm)
	f.measuring.Store(true)
	before, own := f.read(), ownSeconds()
	cpu := measure(f.opt.pids)
	f.wait(f.opt.dur)
	cpuAfter := measure(f.opt.pids)
	after, ownAfter := f.read(), ownSeconds()
	f.measuring.Store(false)
	stop()
	undelivered, unacknowledged := f.settle(writers)
	var delivery, acking []int64
	for _, t := range all {
		t.samples.Lock()
		delivery, acking = append(delivery, t.delivery...), append(acking, t.acking...)
		t.delivery, t.acking = nil, nil
		t.samples.Unlock()
	}
	span := cpuAfter.at.Sub(cpu.at).Seconds()
	done := after.complete - before.complete
	p := phase{
		Rate: num(rate), WindowS: num(span), Sent: after.sent - before.sent,
		Delivered: after.delivered - before.delivered, Acknowledged: after.acknowledged - before.acknowledged,
		Complete: done, CompletePerS: num(float64(done) / span), Copies: after.copies - before.copies,
		AnswersSent: after.answersSent - before.answersSent, AnswersRead: after.answersRead - before.answersRead,
		Carbons:  after.carbons - before.carbons,
		Delivery: spreadOf(delivery), Acking: spreadOf(acking),
		OwnCPUus:      num((ownAfter - own) * 1e6 / float64(done)),
		OwnCPUPercent: num((ownAfter - own) / span * 100),
		RSSMiB:        num(float64(cpuAfter.rssBytes) / (1 << 20)),
		Undelivered:   undelivered, Unacknowledged: unacknowledged,
		Duplicates: f.duplicates.Swap(0), Stale: f.stale.Swap(0),
	}
	if len(f.opt.pids) > 0 {
		p.ServerCPUus = num(cpuAfter.since(cpu) * 1e6 / float64(done))
		p.ServerCPUPercent = num(cpuAfter.since(cpu) / span * 100)
	}
	if fault := f.fault.Load(); fault != nil {
		return p, *fault
	}
	return p, nil
}

// start puts the load on and returns what takes it off again.
func (f *floor) start(rate float64, writers []*talker) (stop func()) {
	if rate == 0 {
		f.flowing.Store(true)
		for i := 0; i < len(writers); i += 2 {
			writers[i].say(f.opt.window, nil, false, true)
		}
		return func() { f.flowing.Store(false) }
	}
	quit := make(chan struct{})
	var pacer sync.WaitGroup
	pacer.Add(1)
	go func() {
		defer pacer.Done()
		begin := time.Now()
		for n := 0; ; n++ {
			due := begin.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			if ahead := time.Until(due); ahead > 0 {
				select {
				case <-quit:
					return
				case <-time.After(ahead):
				}
			} else if f.fault.Load() != nil || stopped(quit) {
				return
			}
			writers[n%len(writers)].say(1, nil, false, true)
		}
	}()
	return func() { close(quit); pacer.Wait() }
}

func stopped(quit <-chan struct{}) bool {
	select {
	case <-quit:
		return true
	default:
		return false
	}
}

// wait sleeps, but not when the run has failed.
func (f *floor) wait(d time.Duration) {
	const step = 100 * time.Millisecond
	for end := time.Now().Add(d); time.Now().Before(end) && f.fault.Load() == nil; {
		rest := time.Until(end)
		if rest > step {
			rest = step
		}
		time.Sleep(rest)
	}
}

// settle waits until everything on the way has come, at most -drain.
func (f *floor) settle(writers []*talker) (undelivered, unacknowledged int) {
	end := time.Now().Add(f.opt.drain)
	for {
		undelivered, unacknowledged = 0, 0
		for _, t := range writers {
			t.ask()
			u, a := t.out.missing()
			undelivered, unacknowledged = undelivered+u, unacknowledged+a
		}
		if undelivered+unacknowledged == 0 || time.Now().After(end) || f.fault.Load() != nil {
			return undelivered, unacknowledged
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// counts is a reading of the tally.
type counts struct {
	sent, delivered, acknowledged, complete, copies, answersSent, answersRead, carbons int64
}

func (f *floor) read() counts {
	return counts{
		f.sent.Load(), f.delivered.Load(), f.acknowledged.Load(), f.complete.Load(),
		f.copies.Load(), f.answersSent.Load(), f.answersRead.Load(), f.carbons.Load(),
	}
}
