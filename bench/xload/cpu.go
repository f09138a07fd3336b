package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what a process tree has used so far.
type usage struct {
	at       time.Time
	threads  float64 // seconds, sum of the run time of the threads that live (schedstat, nanoseconds)
	ticks    float64 // seconds, utime + stime + those of ended children (10 ms steps)
	rssBytes int64
	count    int // processes
}

// tickHz is USER_HZ, which Linux fixes at 100 on every architecture we run on.
const tickHz = 100

// measure sums up the processes and all their descendants.
func measure(roots []int) usage {
	u := usage{at: time.Now()}
	for _, pid := range tree(roots) {
		fields := statFields(pid)
		if fields == nil {
			continue
		}
		u.count++
		for _, i := range []int{11, 12, 13, 14} { // utime stime cutime cstime
			t, _ := strconv.ParseFloat(fields[i], 64)
			u.ticks += t / tickHz
		}
		u.threads += threadSeconds(pid)
		u.rssBytes += residentBytes(pid)
	}
	return u
}

// since returns the CPU seconds between two measurements.
//
// The threads' own clocks are exact but forget threads and children that ended
// in between; the ticks of the process remember them. So the ticks count when
// they show clearly more than the clocks.
func (u usage) since(before usage) float64 {
	exact, coarse := u.threads-before.threads, u.ticks-before.ticks
	if coarse > exact+2*float64(u.count)/tickHz+0.02*exact {
		return coarse
	}
	return exact
}

// tree returns the roots that live and every descendant of theirs.
func tree(roots []int) []int {
	if len(roots) == 0 {
		return nil
	}
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if fields := statFields(pid); fields != nil {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	seen := map[int]bool{}
	var all []int
	queue := append([]int(nil), roots...)
	for len(queue) > 0 {
		pid := queue[0]
		queue = queue[1:]
		if !seen[pid] {
			seen[pid] = true
			all = append(all, pid)
			queue = append(queue, children[pid]...)
		}
	}
	return all
}

// statFields returns the fields of /proc/PID/stat from "state" on (field 3 of
// proc(5) is index 0), or nil when the process is gone. The name before them
// may hold blanks and brackets.
func statFields(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return nil
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 15 {
		return nil
	}
	return fields
}

func threadSeconds(pid int) float64 {
	folder := "/proc/" + strconv.Itoa(pid) + "/task/"
	threads, _ := os.ReadDir(folder)
	var sum float64
	for _, thread := range threads {
		text, err := os.ReadFile(folder + thread.Name() + "/schedstat")
		if err != nil {
			continue
		}
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			ns, _ := strconv.ParseFloat(fields[0], 64)
			sum += ns / 1e9
		}
	}
	return sum
}

func residentBytes(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// ownSeconds is the generator's own CPU time, user and system.
func ownSeconds() float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}
