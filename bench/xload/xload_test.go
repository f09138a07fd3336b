package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"
	"testing"
)

const stream = "<?xml version='1.0'?><stream:stream id='a>b' version='1.0'><stream:features><a/><b><c/></b>" +
	"</stream:features>\n<r xmlns='urn:xmpp:sm:3'/> <message from=\"x>y\" type='chat'><body>&lt;hi</body>" +
	"</message><a xmlns='urn:xmpp:sm:3' h='7'/></stream:stream>"

// pieces hands out a text a few bytes at a time.
type pieces struct {
	text string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b[:min2(len(b), p.size)], p.text)
	p.text = p.text[n:]
	return n, nil
}

func TestTheSameElementsHoweverTheBytesAreCut(t *testing.T) {
	want := []string{"stream:stream", "stream:features", "r", "message", "a", "/stream:stream"}
	for _, size := range []int{1, 7, 4096} {
		var s splitter
		var got []string
		source := &pieces{stream, size}
		for {
			for raw := s.next(); raw != nil; raw = s.next() {
				for _, name := range want {
					if named(raw, name) {
						got = append(got, name)
					}
				}
			}
			if s.fill(source) != nil {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("in pieces of %d: %v", size, got)
		}
	}
}

func TestAttributesAndTextOfAnElement(t *testing.T) {
	if h, ok := attribute([]byte("<a xmlns='urn:xmpp:sm:3' h=\"12\"/>"), "h"); !ok || h != "12" {
		t.Error(h, ok)
	}
	if jid := text([]byte("<iq><bind><jid>u0@x/r</jid></bind></iq>"), "jid"); jid != "u0@x/r" {
		t.Error(jid)
	}
}

func TestAStampComesBackAndTheStanzaHasItsSize(t *testing.T) {
	sent := stamp{sentAt: 1700000000123456789, number: 42, run: 7}
	for _, ask := range []bool{false, true} {
		raw := appendMessage(nil, "u1@example.org", sent, 400, ask)
		got, ok := readStamp(raw)
		if !ok || got != sent || len(raw) != 400 {
			t.Errorf("%v %+v %d bytes", ok, got, len(raw))
		}
	}
	if _, ok := readStamp(appendAnswers(nil, "u1@example.org/r0", 42)); ok {
		t.Error("an answer has no stamp")
	}
}

func TestAMessageCountsWhenDeliveredAndAcknowledged(t *testing.T) {
	var o outbox
	for h := uint32(3); h < 6; h++ {
		o.add(int64(h), h, true)
	}
	if kind, done := o.deliver(0, 0); kind != arrivedFirst || done {
		t.Error("delivered, not yet acknowledged", kind, done)
	}
	var acked, complete int
	take := func(_ int64, done bool) {
		acked++
		if done {
			complete++
		}
	}
	o.acknowledge(4, take)
	if acked != 2 || complete != 1 {
		t.Error("h covers two, one of them delivered:", acked, complete)
	}
	if kind, done := o.deliver(1, 0); kind != arrivedFirst || !done {
		t.Error("acknowledged before, now delivered", kind, done)
	}
	if kind, _ := o.deliver(1, 1); kind != arrivedAgain {
		t.Error("the other resource's copy", kind)
	}
	if kind, _ := o.deliver(1, 0); kind != arrivedTwice {
		t.Error("a duplicate", kind)
	}
	if undelivered, unacknowledged := o.missing(); undelivered != 1 || unacknowledged != 1 {
		t.Error(undelivered, unacknowledged)
	}
}

func TestTheOutboxForgetsOnlyWhatIsDone(t *testing.T) {
	var o outbox
	for i := uint64(0); i < 3*keep; i++ {
		number := o.add(0, uint32(i+1), true)
		if number != i {
			t.Fatalf("number %d, wanted %d", number, i)
		}
		o.deliver(number, 0)
		o.acknowledge(uint32(i+1), func(int64, bool) {})
		o.sweep()
	}
	if len(o.items) > 2*keep || o.unacknowledged() != 0 {
		t.Error(len(o.items), o.unacknowledged())
	}
	if kind, _ := o.deliver(0, 0); kind != arrivedTwice {
		t.Error("a forgotten message came again", kind)
	}
}

// The example of RFC 7677 section 3.
func TestScramSha256(t *testing.T) {
	salt, _ := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	mac := func(key []byte, data string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(data))
		return m.Sum(nil)
	}
	salted := stretch(sha256.New, "pencil", salt, 4096)
	first := "n=user,r=rOprNGfwEbeRWgbNEkqO"
	server := "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	final := "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	signature := mac(mac(salted, "Server Key"), first+","+server+","+final)
	want, _ := base64.StdEncoding.DecodeString("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
	if !bytes.Equal(signature, want) {
		t.Error(base64.StdEncoding.EncodeToString(signature))
	}
	if _, _, _, err := scramChallenge(server, "another nonce"); err == nil {
		t.Error("a foreign nonce was taken")
	}
}

func TestOnlyLoopbackIsLoaded(t *testing.T) {
	for addr, good := range map[string]bool{
		"127.0.0.1:5222": true, "127.0.60.1:5222": true, "[::1]:5222": true,
		"192.0.2.1:5222": false, "0.0.0.0:5222": false, "localhost:5222": false, "example.org:5222": false,
	} {
		if _, err := parseOptions([]string{"-addr", addr}); (err == nil) != good {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestACarbonIsNoMessageOfItsOwn(t *testing.T) {
	inner := appendMessage(nil, "u1@example.org", stamp{1, 2, 3}, 200, true)
	wrapped := "<message><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" +
		string(inner) + "</forwarded></sent></message>"
	if !isCarbon([]byte(wrapped)) || isCarbon(inner) {
		t.Error("a carbon is not told from a message")
	}
}
