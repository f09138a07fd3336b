package main

import "sync"

// waiting is one message that has not yet come all the way: delivered at the
// recipient's socket, and acknowledged to its sender.
type waiting struct {
	sentAt    int64  // UNIX nanoseconds
	counter   uint32 // the h that acknowledges it
	delivered bool
	seen      uint8 // the recipient's resources that have it, a bit each
	acked     bool
}

// outbox keeps what one sender has on the way. The sender's goroutine adds and
// acknowledges, the recipients' goroutines deliver.
type outbox struct {
	mu    sync.Mutex
	first uint64 // number of items[0]
	items []waiting
	unack int // items whose acknowledgement is missing
	next  int // index of the first item that is not acknowledged
}

// add returns the number of the message that is about to be written.
func (o *outbox) add(now int64, counter uint32, acks bool) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	number := o.first + uint64(len(o.items))
	o.items = append(o.items, waiting{sentAt: now, counter: counter, acked: !acks})
	if acks {
		o.unack++
	}
	return number
}

// outcome says what an arrival meant.
type outcome int

const (
	arrivedFirst outcome = iota // the first time at any resource
	arrivedAgain                // another resource's copy
	arrivedTwice                // a duplicate at the same resource, or a message long done
)

// deliver notes an arrival and returns whether the message is now complete.
func (o *outbox) deliver(number uint64, resource uint) (kind outcome, complete bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if number < o.first || number >= o.first+uint64(len(o.items)) {
		return arrivedTwice, false
	}
	item := &o.items[number-o.first]
	bit := uint8(1) << resource
	switch {
	case item.seen&bit != 0:
		return arrivedTwice, false
	case item.delivered:
		item.seen |= bit
		return arrivedAgain, false
	}
	item.seen |= bit
	item.delivered = true
	return arrivedFirst, item.acked
}

// acknowledge notes the server's h and hands each newly acknowledged message's
// time of sending to taken, with whether it is complete.
func (o *outbox) acknowledge(h uint32, taken func(sentAt int64, complete bool)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.next < len(o.items) && int32(h-o.items[o.next].counter) >= 0 {
		item := &o.items[o.next]
		o.next++
		if item.acked {
			continue
		}
		item.acked = true
		o.unack--
		taken(item.sentAt, item.delivered)
	}
}

// keep bounds what is remembered of messages that are done. They stay for a
// while, so that a duplicate or another resource's copy is recognised.
const keep = 4096

// sweep forgets the oldest messages that are done; call it now and then.
func (o *outbox) sweep() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.items) < 2*keep {
		return
	}
	n := 0
	for n < keep && o.items[n].delivered && o.items[n].acked {
		n++
	}
	if n < keep {
		return
	}
	o.items = o.items[:copy(o.items, o.items[n:])]
	o.first += uint64(n)
	o.next = max2(0, o.next-n)
}

// missing counts what is not delivered and what is not acknowledged.
func (o *outbox) missing() (undelivered, unacknowledged int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.items {
		if !o.items[i].delivered {
			undelivered++
		}
	}
	return undelivered, o.unack
}

func (o *outbox) unacknowledged() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unack
}
