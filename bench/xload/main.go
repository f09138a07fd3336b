// Command xload puts a measured load on an XMPP server's client port.
//
// It speaks RFC 6120 with SASL PLAIN and SCRAM, and XEP-0198 with the counting
// done for real, and it measures the CPU time of the server's whole process
// tree beside its own. Loopback addresses only, and bounded in time. The
// result is one JSON document on standard output; see bench/README.md.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

func main() {
	opt, err := parseOptions(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "xload:", err)
		os.Exit(2)
	}
	time.AfterFunc(opt.limit, func() {
		finish(opt, nil, fmt.Errorf("not done after %s (-limit)", opt.limit))
	})
	result, err := run(opt)
	finish(opt, result, err)
}

func run(opt *options) (any, error) {
	if len(opt.pids) > 0 && measure(opt.pids).count == 0 {
		return nil, fmt.Errorf("-pid: none of %v is running", opt.pids)
	}
	switch opt.mode {
	case "register":
		return runRegister(opt)
	case "login":
		return runLogin(opt)
	case "idle":
		return runIdle(opt)
	case "befriend":
		return runBefriend(opt)
	default:
		return runChat(opt)
	}
}

// document is what xload prints.
type document struct {
	Mode       string `json:"mode"`
	Label      string `json:"label,omitempty"`
	Mechanism  string `json:"mechanism"`
	TLS        string `json:"tls"`
	Acks       bool   `json:"stream_management"`
	Persons    int    `json:"persons"`
	Resources  int    `json:"resources"`
	SizeBytes  int    `json:"stanza_bytes"`
	Window     int    `json:"window_per_pair"`
	AskEvery   int    `json:"saturation_ack_request_every"`
	Answers    bool   `json:"answers"`
	DurationS  num    `json:"window_s"`
	WarmUpS    num    `json:"warm_up_s"`
	Error      string `json:"error,omitempty"`
	Result     any    `json:"result,omitempty"`
	ServerPIDs []int  `json:"server_pids,omitempty"`
}

// finish prints the document and ends the process: 0 done, 1 failed.
func finish(opt *options, result any, err error) {
	doc := document{
		Mode: opt.mode, Label: opt.label, Mechanism: opt.mech, TLS: opt.tls, Acks: opt.acks,
		Persons: opt.persons, Resources: opt.resources, SizeBytes: opt.size, Window: opt.window,
		AskEvery: opt.every, Answers: opt.answers, DurationS: num(opt.dur.Seconds()),
		WarmUpS: num(opt.warm.Seconds()), Result: result, ServerPIDs: opt.pids,
	}
	if err != nil {
		doc.Error = err.Error()
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if fault := out.Encode(doc); fault != nil {
		fmt.Fprintln(os.Stderr, "xload:", fault)
		os.Exit(1)
	}
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}
