package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// options is the command line, checked.
type options struct {
	addr, domain, mode, mech, tls, label string
	persons, offset, resources           int
	concurrency                          int
	dur, warm, drain, limit              time.Duration
	rates                                []float64 // messages a second in all; 0 is saturation
	window, every, unacked, size         int
	contacts                             int
	acks, full, answers, carbons, roster bool
	pids                                 []int
}

// parseOptions reads the command line; every error says which flag is wrong.
func parseOptions(args []string) (*options, error) {
	o := &options{}
	var rates, pids string
	f := flag.NewFlagSet("xload", flag.ContinueOnError)
	f.StringVar(&o.addr, "addr", "127.0.0.1:5222", "server `host:port`; loopback only")
	f.StringVar(&o.domain, "domain", "example.org", "the server's domain")
	f.StringVar(&o.mode, "mode", "chat", "chat, login, idle, register (XEP-0077) or befriend")
	f.StringVar(&o.mech, "mech", "SCRAM-SHA-256", "SCRAM-SHA-256, SCRAM-SHA-1 or PLAIN")
	f.StringVar(&o.tls, "tls", "none", "none, direct or starttls; certificates are not checked")
	f.StringVar(&o.label, "label", "", "copied to the output")
	f.IntVar(&o.persons, "n", 60, "persons u0, u1, ... with the passwords pwu0, pwu1, ...")
	f.IntVar(&o.offset, "off", 0, "number of the first person")
	f.IntVar(&o.resources, "resources", 1, "sessions a person, 1 to 8; only the first one writes")
	f.IntVar(&o.concurrency, "conc", 16, "log-ins at the same time")
	f.DurationVar(&o.dur, "dur", 8*time.Second, "measured window")
	f.DurationVar(&o.warm, "warm", 1500*time.Millisecond, "load before the measured window")
	f.DurationVar(&o.drain, "drain", 5*time.Second, "longest wait for what is outstanding afterwards")
	f.DurationVar(&o.limit, "limit", 5*time.Minute, "longest run in all")
	f.StringVar(&rates, "rates", "1000,0", "chat: messages a second in all, a list; 0: saturation")
	f.IntVar(&o.window, "w", 8, "saturation: undelivered messages per pair")
	f.IntVar(&o.every, "every", 8, "saturation: ask for an acknowledgement every so many messages")
	f.IntVar(&o.unacked, "unacked", 300, "saturation: a person waits at so many unacknowledged messages")
	f.IntVar(&o.size, "size", 200, "bytes of a message stanza")
	f.BoolVar(&o.acks, "sm", true, "XEP-0198; without it a message counts when delivered")
	f.BoolVar(&o.full, "full", false, "write to full JIDs")
	f.BoolVar(&o.answers, "answers", false, "answer each message with a receipt (0184) and a mark (0333)")
	f.BoolVar(&o.carbons, "carbons", false, "enable message carbons (0280)")
	f.BoolVar(&o.roster, "roster", false, "ask for the roster at log-in")
	f.IntVar(&o.contacts, "contacts", 50, "befriend: contacts of a person, an even number")
	f.StringVar(&pids, "pid", "", "server process ids, comma separated; their children are included")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if o.rates, err = parseRates(rates); err != nil {
		return nil, err
	}
	if o.pids, err = parsePIDs(pids); err != nil {
		return nil, err
	}
	return o, o.check()
}

// check refuses what cannot be measured, above all anything but loopback.
func (o *options) check() error {
	host, _, err := net.SplitHostPort(o.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("-addr: %q is not a loopback address; xload loads nothing else", host)
	}
	switch o.mode {
	case "chat", "login", "idle", "register", "befriend":
	default:
		return fmt.Errorf("-mode: %q is not chat, login, idle, register or befriend", o.mode)
	}
	if o.mode == "befriend" && (o.contacts < 2 || o.contacts%2 != 0 || o.contacts >= o.persons) {
		return errors.New("-contacts: an even number below that of the persons")
	}
	switch o.mech {
	case "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN":
	default:
		return fmt.Errorf("-mech: %q is not known", o.mech)
	}
	switch o.tls {
	case "none", "direct", "starttls":
	default:
		return fmt.Errorf("-tls: %q is not none, direct or starttls", o.tls)
	}
	if o.persons < 1 || (o.mode == "chat" && o.persons%2 != 0) {
		return errors.New("-n: chat needs an even number of persons, other modes at least one")
	}
	if o.resources < 1 || o.resources > 8 || o.concurrency < 1 || o.every < 1 || o.window < 1 {
		return errors.New("-resources is 1 to 8; -conc, -every and -w are at least 1")
	}
	if o.unacked < o.window || o.unacked < 2*o.every {
		return errors.New("-unacked must not be below -w or twice -every: nobody could write")
	}
	if o.dur <= 0 || o.limit <= 0 || o.limit > time.Hour {
		return errors.New("-dur and -limit must be positive, -limit an hour at most")
	}
	return nil
}

func parseRates(text string) ([]float64, error) {
	var rates []float64
	for _, word := range strings.Split(text, ",") {
		rate, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil || !(rate >= 0 && rate <= 1e6) {
			return nil, fmt.Errorf("-rates: %q is not a rate between 0 and 1000000", word)
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

func parsePIDs(text string) ([]int, error) {
	var pids []int
	for _, word := range strings.Split(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		pid, err := strconv.Atoi(word)
		if err != nil || pid < 1 {
			return nil, fmt.Errorf("-pid: %q is not a process id", word)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
