package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	smNS = "urn:xmpp:sm:3"
	// patience is the longest wait for one answer of the server, and for one write.
	patience = 30 * time.Second
)

// session is one client stream.
//
// Reading belongs to one goroutine at a time. Writing and the counter of what
// was sent belong together under mu, because the order on the wire is what
// XEP-0198 counts.
type session struct {
	conn     net.Conn
	in       splitter
	opt      *options
	user     string
	resource string
	jid      string

	handled atomic.Uint32 // stanzas received since <enabled/>, the h of our own answers
	counts  bool          // <enabled/> has come

	mu   sync.Mutex
	sent uint32 // stanzas written since <enable/>
}

// dial connects and opens the stream, with TLS where it is asked for.
func dial(opt *options, user, resource string) (*session, error) {
	conn, err := net.DialTimeout("tcp", opt.addr, patience)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, opt: opt, user: user, resource: resource}
	if err := s.secure(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%s: %w", user, err)
	}
	return s, nil
}

// secure opens the stream and leaves it encrypted if -tls says so.
func (s *session) secure() error {
	// Loopback only (options.check), against throwaway certificates.
	config := &tls.Config{InsecureSkipVerify: true, ServerName: s.opt.domain, SessionTicketsDisabled: true}
	if s.opt.tls == "direct" {
		s.conn = tls.Client(s.conn, config)
	}
	if err := s.open(); err != nil || s.opt.tls != "starttls" {
		return err
	}
	if err := s.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"); err != nil {
		return err
	}
	if _, err := s.expect("proceed"); err != nil {
		return err
	}
	s.conn = tls.Client(s.conn, config)
	return s.open()
}

// open starts the stream, or starts it again, and waits for its features.
func (s *session) open() error {
	s.in = splitter{}
	err := s.send("<?xml version='1.0'?><stream:stream to='%s' xmlns='jabber:client' "+
		"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>", s.opt.domain)
	if err != nil {
		return err
	}
	if _, err := s.expect("stream:stream"); err != nil {
		return err
	}
	_, err = s.expect("stream:features")
	return err
}

// login takes a person from nothing to an available session: stream, SASL,
// binding, stream management, presence, and one answered ping, which shows
// that the server has dealt with the presence.
func login(opt *options, number, resource int) (*session, error) {
	s, err := dial(opt, fmt.Sprintf("u%d", number), fmt.Sprintf("r%d", resource))
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return s.authenticate(opt.mech) }, s.open, s.bind, s.enable, s.appear,
	} {
		if err := step(); err != nil {
			s.conn.Close()
			return nil, fmt.Errorf("log-in of %s: %w", s.user, err)
		}
	}
	return s, nil
}

func (s *session) bind() error {
	err := s.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"+
		"<resource>%s</resource></bind></iq>", s.resource)
	if err != nil {
		return err
	}
	raw, err := s.expect("iq")
	if err != nil {
		return err
	}
	if s.jid = text(raw, "jid"); s.jid == "" {
		return fmt.Errorf("no address was bound: %.200s", raw)
	}
	return nil
}

// enable asks for XEP-0198 with resumption, as real clients do.
func (s *session) enable() error {
	if !s.opt.acks {
		return nil
	}
	if err := s.send("<enable xmlns='%s' resume='true'/>", smNS); err != nil {
		return err
	}
	if _, err := s.expect("enabled"); err != nil {
		return err
	}
	s.counts = true
	return nil
}

// appear sends presence and waits until the server has dealt with it.
func (s *session) appear() error {
	stanzas := ""
	if s.opt.roster {
		stanzas += "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"
		s.sent++
	}
	stanzas += "<presence/>"
	s.sent++
	if s.opt.carbons {
		stanzas += "<iq type='set' id='carbons'><enable xmlns='urn:xmpp:carbons:2'/></iq>"
		s.sent++
	}
	s.sent++
	err := s.send("%s<iq type='get' id='ready' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>", stanzas, s.opt.domain)
	for err == nil {
		var raw []byte
		if raw, err = s.element(); err != nil {
			break
		}
		s.count(raw)
		if named(raw, "r") {
			err = s.answerNow()
		}
		if id, _ := attribute(raw, "id"); named(raw, "iq") && id == "ready" {
			return nil
		}
	}
	return err
}

// count takes note of a received stanza.
func (s *session) count(raw []byte) {
	if s.counts && (named(raw, "message") || named(raw, "presence") || named(raw, "iq")) {
		s.handled.Add(1)
	}
}

func (s *session) answerNow() error {
	return s.write(s.answer(nil))
}

// answer appends the acknowledgement of what was received.
func (s *session) answer(to []byte) []byte {
	to = append(to, "<a xmlns='"+smNS+"' h='"...)
	to = strconv.AppendUint(to, uint64(s.handled.Load()), 10)
	return append(to, "'/>"...)
}

// send writes text that is no stanza, or whose stanzas the caller counts.
func (s *session) send(format string, args ...any) error {
	return s.write([]byte(fmt.Sprintf(format, args...)))
}

func (s *session) write(b []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := s.conn.Write(b)
	return err
}

// element waits for the next element of the stream; valid until the next call.
func (s *session) element() ([]byte, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	for {
		if raw := s.in.next(); raw != nil {
			return raw, nil
		}
		if err := s.in.fill(s.conn); err != nil {
			return nil, err
		}
	}
}

// expect waits for the next element and refuses any but the one named.
func (s *session) expect(name string) ([]byte, error) {
	raw, err := s.element()
	if err != nil {
		return nil, fmt.Errorf("waiting for <%s/>: %w", name, err)
	}
	if !named(raw, name) {
		return nil, fmt.Errorf("wanted <%s/>, got %.300s", name, raw)
	}
	return raw, nil
}

// bare is the session's address without the resource.
func (s *session) bare() string {
	bare, _, _ := strings.Cut(s.jid, "/")
	return bare
}

// leave acknowledges what came and closes the stream in order, so that the
// server keeps nothing for a resumption.
func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var last []byte
	if s.counts {
		last = s.answer(nil)
	}
	_ = s.write(append(last, "</stream:stream>"...))
}

// register makes an account with in-band registration (XEP-0077); one that
// is there already is fine.
func register(opt *options, number int) error {
	s, err := dial(opt, fmt.Sprintf("u%d", number), "")
	if err != nil {
		return err
	}
	defer s.conn.Close()
	err = s.send("<iq type='set' id='reg' to='%s'><query xmlns='jabber:iq:register'><username>%s</username>"+
		"<password>%s</password></query></iq>", opt.domain, s.user, password(s.user))
	if err != nil {
		return err
	}
	raw, err := s.expect("iq")
	if err != nil {
		return err
	}
	if kind, _ := attribute(raw, "type"); kind != "result" && !strings.Contains(string(raw), "<conflict") {
		return errors.New("registration refused: " + string(raw))
	}
	_ = s.send("</stream:stream>")
	return nil
}
