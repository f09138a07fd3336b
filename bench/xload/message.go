package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// A body begins "T0=<time of sending, 19 digits> N=<number, 12 digits> R=<run,
// 8 digits>". The run tells messages of an earlier run, that a server kept,
// from ours.
const (
	stampMark   = "<body>T0="
	stampTime   = 19
	stampNumber = 12
	stampRun    = 8
	stampBytes  = stampTime + len(" N=") + stampNumber + len(" R=") + stampRun
)

const filler = "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do "

// request asks the recipient for a receipt and for a mark.
const request = "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>"

type stamp struct {
	sentAt int64
	number uint64
	run    uint32
}

// appendMessage writes one chat message of size bytes.
func appendMessage(b []byte, to string, st stamp, size int, ask bool) []byte {
	begin := len(b)
	b = append(b, "<message to='"...)
	b = append(b, to...)
	b = append(b, "' type='chat' id='m"...)
	b = strconv.AppendUint(b, st.number, 10)
	b = append(b, "'>"+stampMark...)
	b = fmt.Appendf(b, "%019d N=%012d R=%08d ", st.sentAt, st.number, st.run)
	tail := "</body></message>"
	if ask {
		tail = "</body>" + request + "</message>"
	}
	for room := size - len(tail) - (len(b) - begin); room > 0; {
		n := room
		if n > len(filler) {
			n = len(filler)
		}
		b = append(b, filler[:n]...)
		room -= n
	}
	return append(b, tail...)
}

// readStamp finds the stamp of a message; ok is false for anything else.
func readStamp(raw []byte) (st stamp, ok bool) {
	i := bytes.Index(raw, []byte(stampMark))
	if i < 0 || len(raw) < i+len(stampMark)+stampBytes {
		return st, false
	}
	digits := raw[i+len(stampMark):]
	st.sentAt = int64(decimal(digits[:stampTime]))
	digits = digits[stampTime+len(" N="):]
	st.number = decimal(digits[:stampNumber])
	digits = digits[stampNumber+len(" R="):]
	st.run = uint32(decimal(digits[:stampRun]))
	return st, true
}

func decimal(digits []byte) (n uint64) {
	for _, c := range digits {
		n = n*10 + uint64(c-'0')
	}
	return n
}

// appendAnswers writes what a reader's client sends back: the receipt
// (XEP-0184) and the mark (XEP-0333). Two stanzas.
func appendAnswers(b []byte, to string, number uint64) []byte {
	for _, name := range []string{
		"received xmlns='urn:xmpp:receipts'", "displayed xmlns='urn:xmpp:chat-markers:0'",
	} {
		b = append(b, "<message to='"...)
		b = append(b, to...)
		b = append(b, "' type='chat' id='"...)
		b = append(b, name[0])
		b = strconv.AppendUint(b, number, 10)
		b = append(b, "'><"...)
		b = append(b, name...)
		b = append(b, " id='m"...)
		b = strconv.AppendUint(b, number, 10)
		b = append(b, "'/></message>"...)
	}
	return b
}

// isAnswer says whether a message is a receipt or a mark.
func isAnswer(raw []byte) bool {
	return bytes.Contains(raw, []byte("<received ")) || bytes.Contains(raw, []byte("<displayed "))
}

// isCarbon says whether a message wraps a copy for another device (XEP-0280).
func isCarbon(raw []byte) bool {
	return bytes.Contains(raw, []byte("urn:xmpp:carbons:2"))
}
