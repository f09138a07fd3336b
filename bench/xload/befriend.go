package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// befriendResult is what the mode befriend reports.
type befriendResult struct {
	Persons  int `json:"persons"`
	Contacts int `json:"contacts_each"`
	TookS    num `json:"took_s"`
}

// asking is how many requests a person has on the way, so that nobody is flooded.
const asking = 4

// friend is one person who asks the neighbours for their presence and grants
// the same to everybody who asks.
type friend struct {
	*session
	todo []string        // addresses not asked yet
	done map[string]bool // who has said yes
	want int
}

// runBefriend fills the rosters: persons sit in a ring, and everybody has the
// nearest ones on both sides in the roster, subscribed both ways. Everybody
// must be logged in for that, and the rosters must be empty.
func runBefriend(opt *options) (any, error) {
	begin := time.Now()
	sessions, _, err := loginAll(opt)
	if err != nil {
		return nil, err
	}
	var wait sync.WaitGroup
	faults := make(chan error, len(sessions))
	finished := make(chan struct{}, len(sessions))
	for i, s := range sessions {
		f := &friend{session: s, done: map[string]bool{}, want: opt.contacts}
		for step := 1; step <= opt.contacts/2; step++ {
			for _, k := range []int{i + step, i - step + opt.persons} {
				f.todo = append(f.todo, fmt.Sprintf("u%d@%s", k%opt.persons+opt.offset, opt.domain))
			}
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			faults <- f.live(finished)
		}()
	}
	for range sessions {
		select {
		case <-finished:
		case err := <-faults:
			if err != nil {
				return nil, err
			}
		case <-time.After(opt.limit):
			return nil, fmt.Errorf("not everybody was answered within %s", opt.limit)
		}
	}
	time.Sleep(opt.warm) // the last presences and roster pushes
	for _, s := range sessions {
		_ = s.conn.SetReadDeadline(time.Now())
	}
	wait.Wait()
	leaveAll(sessions)
	return befriendResult{opt.persons, opt.contacts, num(time.Since(begin).Seconds())}, nil
}

// live asks and answers until the read deadline passes; finished is told once
// everybody has said yes.
func (f *friend) live(finished chan<- struct{}) error {
	if err := f.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if err := f.ask(asking); err != nil {
		return err
	}
	for {
		for raw := f.in.next(); raw != nil; raw = f.in.next() {
			f.count(raw)
			if err := f.take(raw, finished); err != nil {
				return err
			}
		}
		if err := f.in.fill(f.conn); err != nil {
			if len(f.done) == f.want {
				return nil
			}
			return fmt.Errorf("%s: %d of %d have said yes: %w", f.jid, len(f.done), f.want, err)
		}
	}
}

func (f *friend) ask(n int) error {
	for ; n > 0 && len(f.todo) > 0; n-- {
		to := f.todo[0]
		f.todo = f.todo[1:]
		if err := f.send("<presence to='%s' type='subscribe'/>", to); err != nil {
			return err
		}
	}
	return nil
}

func (f *friend) take(raw []byte, finished chan<- struct{}) error {
	if named(raw, "r") {
		return f.answerNow()
	}
	if !named(raw, "presence") {
		return nil
	}
	kind, _ := attribute(raw, "type")
	from, _ := attribute(raw, "from")
	from, _, _ = strings.Cut(from, "/")
	switch kind {
	case "subscribe":
		return f.send("<presence to='%s' type='subscribed'/>", from)
	case "subscribed":
		if f.done[from] {
			return nil
		}
		f.done[from] = true
		if len(f.done) == f.want {
			finished <- struct{}{}
		}
		return f.ask(1)
	case "error":
		return fmt.Errorf("%s: %s", f.jid, raw)
	}
	return nil
}
