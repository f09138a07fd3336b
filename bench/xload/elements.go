package main

import (
	"bytes"
	"fmt"
	"io"
)

// maxElement bounds the bytes of one element that a server may send us.
const maxElement = 4 << 20

// splitter cuts an XML stream into the elements below its root. It trusts the
// server to send well-formed XML: it is a measuring tool, not a parser.
type splitter struct {
	buf   []byte
	start int // where the element begins that is being read
	pos   int // where the search for the next tag goes on
	depth int
}

// fill reads once from r. What next returned before is gone afterwards.
func (s *splitter) fill(r io.Reader) error {
	if s.start > 0 {
		n := copy(s.buf, s.buf[s.start:])
		s.buf = s.buf[:n]
		s.pos -= s.start
		s.start = 0
	}
	if len(s.buf) == cap(s.buf) {
		if cap(s.buf) >= maxElement {
			return fmt.Errorf("an element is larger than %d bytes", maxElement)
		}
		s.buf = append(make([]byte, 0, max2(4096, 2*cap(s.buf))), s.buf...)
	}
	n, err := r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// next returns the next complete element, or the stream's own start or end
// tag; nil when more bytes are needed.
func (s *splitter) next() []byte {
	for {
		i := bytes.IndexByte(s.buf[s.pos:], '<')
		if i < 0 {
			s.pos = len(s.buf)
			if s.depth == 0 {
				s.start = s.pos
			}
			return nil
		}
		open := s.pos + i
		end := tagEnd(s.buf, open)
		if end < 0 {
			s.pos = open
			if s.depth == 0 {
				s.start = open
			}
			return nil
		}
		s.pos = end
		if s.depth == 0 {
			s.start = open
		}
		if s.tag(s.buf[open:end]) {
			raw := s.buf[s.start:end]
			s.start = end
			return raw
		}
	}
}

// tag takes note of one tag and says whether an element is complete with it.
func (s *splitter) tag(tag []byte) bool {
	switch {
	case tag[1] == '?':
		s.start = s.pos
		return false
	case tag[1] == '/':
		if s.depth > 0 {
			s.depth--
		}
		return s.depth == 0
	case tag[len(tag)-2] == '/':
		return s.depth == 0
	case s.depth == 0 && bytes.HasPrefix(tag, []byte("<stream:stream")):
		return true
	}
	s.depth++
	return false
}

// tagEnd returns the index behind the tag that begins at open, or -1.
func tagEnd(buf []byte, open int) int {
	var quote byte
	for i := open + 1; i < len(buf); i++ {
		switch c := buf[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return -1
}

// named says whether an element's name, as written, is name.
func named(raw []byte, name string) bool {
	if len(raw) < len(name)+2 || string(raw[1:1+len(name)]) != name {
		return false
	}
	switch raw[1+len(name)] {
	case ' ', '/', '>', '\n', '\t', '\r':
		return true
	}
	return false
}

// attribute returns the value of an attribute of the element's own tag.
func attribute(raw []byte, name string) (string, bool) {
	tag := raw
	if end := tagEnd(raw, 0); end > 0 {
		tag = raw[:end]
	}
	for _, quote := range []string{"'", "\""} {
		if i := bytes.Index(tag, []byte(" "+name+"="+quote)); i >= 0 {
			value := tag[i+len(name)+3:]
			if j := bytes.IndexByte(value, quote[0]); j >= 0 {
				return string(value[:j]), true
			}
		}
	}
	return "", false
}

// text returns what stands between the first occurrence of a child's start tag
// and its end tag, or the element's own text with an empty name.
func text(raw []byte, child string) string {
	from := 0
	if child != "" {
		if from = bytes.Index(raw, []byte("<"+child)); from < 0 {
			return ""
		}
	}
	begin := tagEnd(raw, from)
	if begin < 0 {
		return ""
	}
	length := bytes.IndexByte(raw[begin:], '<')
	if length < 0 {
		return ""
	}
	return string(bytes.TrimSpace(raw[begin : begin+length]))
}

func max2(a, b int) int {
	if a > b {
		return a
	}
	return b
}
