package main

import (
	"math"
	"sort"
	"strconv"
)

// num is a figure, printed with two places; what cannot be said is null.
type num float64

// MarshalJSON implements json.Marshaler.
func (n num) MarshalJSON() ([]byte, error) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, f, 'f', 2, 64), nil
}

// spread sums up latencies, in microseconds.
type spread struct {
	Count int `json:"count"`
	P50   num `json:"p50_us"`
	P99   num `json:"p99_us"`
	Max   num `json:"max_us"`
}

// spreadOf sorts nanoseconds in place and sums them up.
func spreadOf(ns []int64) spread {
	if len(ns) == 0 {
		nan := num(math.NaN())
		return spread{P50: nan, P99: nan, Max: nan}
	}
	sort.Slice(ns, func(i, j int) bool { return ns[i] < ns[j] })
	at := func(q float64) num {
		i := int(q * float64(len(ns)))
		if i >= len(ns) {
			i = len(ns) - 1
		}
		return num(float64(ns[i]) / 1e3)
	}
	return spread{Count: len(ns), P50: at(0.50), P99: at(0.99), Max: at(1)}
}
