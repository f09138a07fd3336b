package main

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// tally is what a run counts; one for all sessions.
type tally struct {
	sent, delivered, acknowledged, complete atomic.Int64
	copies, duplicates, stale               atomic.Int64
	answersSent, answersRead, carbons       atomic.Int64
}

// floor is what all sessions of a chat run share.
type floor struct {
	tally
	opt       *options
	run       uint32
	measuring atomic.Bool // latencies are kept
	flowing   atomic.Bool // closed loop: a delivered message is followed by the next
	leaving   atomic.Bool // the connections are being closed on purpose
	fault     atomic.Pointer[error]
}

// fail keeps the first error; the run ends with it.
func (f *floor) fail(err error) {
	if !f.leaving.Load() {
		f.fault.CompareAndSwap(nil, &err)
	}
}

// talker is one session in a chat run. Resource 0 of a person writes, the
// others only read.
type talker struct {
	*session
	floor    *floor
	number   uint     // of the resource
	peer     *talker  // resource 0 of the other person
	to       string   // address the messages go to
	out      outbox   // resource 0 only
	unasked  int      // messages since the last <r/>, under session.mu
	credit   int      // closed loop: messages that may be written, reader's goroutine only
	replies  []uint64 // messages to be answered, reader's goroutine only
	buffer   []byte   // under session.mu
	samples  sync.Mutex
	delivery []int64 // nanoseconds, under samples
	acking   []int64
}

// say writes n messages, receipts and marks for those in read, the request for
// an acknowledgement when it is due or askNow is set, and with answer our own
// acknowledgement (reader's goroutine only): all in one write.
func (t *talker) say(n int, read []uint64, answer, askNow bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.sweep()
	b := t.buffer[:0]
	if answer {
		b = t.answer(b)
	}
	for _, number := range read {
		b = appendAnswers(b, t.peer.jid, number)
		t.sent += 2
		t.floor.answersSent.Add(2)
	}
	for i := 0; i < n; i++ {
		now := time.Now().UnixNano()
		t.sent++
		st := stamp{sentAt: now, run: t.floor.run, number: t.out.add(now, t.sent, t.counts)}
		b = appendMessage(b, t.to, st, t.opt.size, t.opt.answers)
	}
	t.floor.sent.Add(int64(n))
	t.unasked += n + len(read)
	if t.counts && t.unasked > 0 && (askNow || t.unasked >= t.opt.every) {
		b = append(b, "<r xmlns='"+smNS+"'/>"...)
		t.unasked = 0
	}
	t.buffer = b
	if len(b) == 0 {
		return
	}
	if err := t.write(b); err != nil {
		t.floor.fail(err)
	}
}

// ask requests an acknowledgement of whatever was not asked for yet.
func (t *talker) ask() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts && t.unasked > 0 {
		t.unasked = 0
		if err := t.write([]byte("<r xmlns='" + smNS + "'/>")); err != nil {
			t.floor.fail(err)
		}
	}
}

// listen reads until the connection ends. Everything that one read brought is
// dealt with before anything is written back, so that a burst costs one write.
func (t *talker) listen() {
	if err := t.conn.SetReadDeadline(time.Time{}); err != nil {
		t.floor.fail(err)
		return
	}
	for {
		asked := false
		for raw := t.in.next(); raw != nil; raw = t.in.next() {
			asked = t.take(raw) || asked
		}
		t.respond(asked)
		if err := t.in.fill(t.conn); err != nil {
			var timeout net.Error
			if !(errors.As(err, &timeout) && timeout.Timeout()) {
				t.floor.fail(errors.New(t.jid + ": the stream ended: " + err.Error()))
			}
			return
		}
	}
}

// take deals with one element and says whether it asks for our count.
func (t *talker) take(raw []byte) (asked bool) {
	t.count(raw)
	switch {
	case named(raw, "message"):
		t.arrived(raw)
	case named(raw, "a"):
		t.acknowledged(raw)
	case named(raw, "r"):
		return true
	case named(raw, "stream:error"):
		t.floor.fail(errors.New(t.jid + ": " + string(raw)))
	}
	return false
}

func (t *talker) arrived(raw []byte) {
	if isCarbon(raw) {
		t.floor.carbons.Add(1) // what it wraps is counted where it arrives itself
		return
	}
	st, ok := readStamp(raw)
	if !ok {
		if isAnswer(raw) {
			t.floor.answersRead.Add(1)
		}
		return
	}
	if kind, _ := attribute(raw, "type"); kind == "error" {
		t.floor.fail(errors.New(t.jid + ": " + string(raw)))
		return
	}
	if st.run != t.floor.run {
		t.floor.stale.Add(1)
		return
	}
	kind, complete := t.peer.out.deliver(st.number, t.number)
	if kind == arrivedTwice {
		t.floor.duplicates.Add(1)
		return
	}
	if t.number == 0 {
		t.credit++
		if t.opt.answers {
			t.replies = append(t.replies, st.number)
		}
	}
	if kind == arrivedAgain {
		t.floor.copies.Add(1)
		return
	}
	t.floor.delivered.Add(1)
	if complete {
		t.floor.complete.Add(1)
	}
	if t.floor.measuring.Load() {
		t.samples.Lock()
		t.delivery = append(t.delivery, time.Now().UnixNano()-st.sentAt)
		t.samples.Unlock()
	}
}

func (t *talker) acknowledged(raw []byte) {
	value, _ := attribute(raw, "h")
	h, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		t.floor.fail(errors.New(t.jid + ": bad acknowledgement " + string(raw)))
		return
	}
	now, measuring := time.Now().UnixNano(), t.floor.measuring.Load()
	var acks, done int64
	t.samples.Lock()
	t.out.acknowledge(uint32(h), func(sentAt int64, complete bool) {
		acks++
		if complete {
			done++
		}
		if measuring {
			t.acking = append(t.acking, now-sentAt)
		}
	})
	t.samples.Unlock()
	t.floor.acknowledged.Add(acks)
	t.floor.complete.Add(done)
}

// respond writes what the last read calls for.
func (t *talker) respond(asked bool) {
	n := 0
	if t.floor.flowing.Load() {
		n = t.credit
		if t.counts {
			n = max2(0, min2(n, t.opt.unacked-t.out.unacknowledged()))
		}
		t.credit -= n
	} else {
		t.credit = 0
	}
	if n > 0 || asked || len(t.replies) > 0 {
		t.say(n, t.replies, asked, false)
		t.replies = t.replies[:0]
	}
}

func min2(a, b int) int {
	if a < b {
		return a
	}
	return b
}
