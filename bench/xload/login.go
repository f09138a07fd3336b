package main

import (
	"fmt"
	"sync"
	"time"
)

// entryResult is what logging everybody in cost.
type entryResult struct {
	Sessions int `json:"sessions"`
	PerS     num `json:"login_per_s"`
	CPUus    num `json:"server_cpu_us_per_login"`
	OwnCPUus num `json:"generator_cpu_us_per_login"`
	RSSMiB   num `json:"server_rss_mib"`
	RSSKiB   num `json:"server_rss_kib_per_session"`
}

// runLogin measures the log-ins.
func runLogin(opt *options) (any, error) {
	sessions, entry, err := loginAll(opt)
	if err != nil {
		return nil, err
	}
	leaveAll(sessions)
	return entry, nil
}

// runRegister makes the accounts by in-band registration.
func runRegister(opt *options) (any, error) {
	begin := time.Now()
	err := parallel(opt.persons, opt.concurrency, func(i int) error { return register(opt, i+opt.offset) })
	if err != nil {
		return nil, err
	}
	return map[string]num{"register_per_s": num(float64(opt.persons) / time.Since(begin).Seconds())}, nil
}

// loginAll logs every resource of every person in, person after person.
func loginAll(opt *options) ([]*session, entryResult, error) {
	total := opt.persons * opt.resources
	sessions := make([]*session, total)
	before, own, begin := measure(opt.pids), ownSeconds(), time.Now()
	err := parallel(total, opt.concurrency, func(i int) error {
		s, err := login(opt, i/opt.resources+opt.offset, i%opt.resources)
		sessions[i] = s
		return err
	})
	if err != nil {
		return nil, entryResult{}, err
	}
	took := time.Since(begin).Seconds()
	after, ownAfter := measure(opt.pids), ownSeconds()
	each := 1 / float64(total)
	return sessions, entryResult{
		Sessions: total,
		PerS:     num(float64(total) / took),
		CPUus:    num(after.since(before) * 1e6 * each),
		OwnCPUus: num((ownAfter - own) * 1e6 * each),
		RSSMiB:   num(float64(after.rssBytes) / (1 << 20)),
		RSSKiB:   num(float64(after.rssBytes-before.rssBytes) / 1024 * each),
	}, nil
}

// leaveAll closes every stream and waits a moment for the server to do so too.
func leaveAll(sessions []*session) {
	var wait sync.WaitGroup
	for _, s := range sessions {
		wait.Add(1)
		go func(s *session) {
			defer wait.Done()
			s.leave()
			_ = s.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			for s.in.fill(s.conn) == nil {
				for s.in.next() != nil {
				}
			}
			s.conn.Close()
		}(s)
	}
	wait.Wait()
}

// parallel runs f for 0 to total-1, some at a time, and stops at an error.
func parallel(total, concurrency int, f func(i int) error) error {
	var mu sync.Mutex
	var faults []error
	next := 0
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		if next >= total || len(faults) > 0 {
			return -1
		}
		next++
		return next - 1
	}
	var wait sync.WaitGroup
	for k := 0; k < concurrency; k++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := take(); i >= 0; i = take() {
				if err := f(i); err != nil {
					mu.Lock()
					faults = append(faults, err)
					mu.Unlock()
				}
			}
		}()
	}
	wait.Wait()
	if len(faults) > 0 {
		return fmt.Errorf("%w (%d more)", faults[0], len(faults)-1)
	}
	return nil
}
