// Porcupine on a history of ours: `porcupine-peer SPEC FILE SECONDS REPEATS` prints one line of
// JSON: the verdict, and the least milliseconds of so many repeats, parsing apart.
//
// It ends itself as "out of memory" before it takes the machine's.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/anishathalye/porcupine"
)

const bytesMax = 6 << 30

type line struct {
	Client int             `json:"client"`
	F      string          `json:"f"`
	Key    string          `json:"key"`
	Value  json.RawMessage `json:"value"`
	From   json.RawMessage `json:"from"`
	To     json.RawMessage `json:"to"`
	Prefix string          `json:"prefix"`
	After  string          `json:"start_after"`
	Limit  *int            `json:"limit"`
	Call   int64           `json:"call"`
	Return *int64          `json:"return"`
	Ret    json.RawMessage `json:"ret"`
	Failed string          `json:"outcome"`
	Format string          `json:"format"`
}

func read(path string, parse func(line) (interface{}, interface{})) []porcupine.Operation {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<26)
	var all []porcupine.Operation
	for scanner.Scan() {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			panic(err)
		}
		if l.Format != "" || l.Failed != "" {
			continue
		}
		input, output := parse(l)
		end := int64(math.MaxInt64)
		if l.Return != nil {
			end = *l.Return
		} else {
			output = unknown{}
		}
		all = append(all, porcupine.Operation{ClientId: l.Client, Input: input, Output: output, Call: l.Call, Return: end})
	}
	return all
}

// What nobody heard.
type unknown struct{}

func integer(raw json.RawMessage) int {
	if len(raw) == 0 || string(raw) == "null" {
		return -1
	}
	number, err := strconv.Atoi(string(raw))
	if err != nil {
		panic(err)
	}
	return number
}

func watch(report func(string)) {
	for {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		if stats.Sys-stats.HeapReleased > bytesMax {
			report("out of memory")
			os.Exit(0)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func main() {
	spec, path := os.Args[1], os.Args[2]
	seconds, _ := strconv.Atoi(os.Args[3])
	repeats, _ := strconv.Atoi(os.Args[4])
	model, parse := modelOf(spec)
	history := read(path, parse)
	least := math.Inf(1)
	report := func(verdict string) {
		object := map[string]interface{}{"verdict": verdict, "ops": len(history)}
		if !math.IsInf(least, 1) {
			object["ms"] = least
		}
		out, _ := json.Marshal(object)
		fmt.Println(string(out))
	}
	go watch(report)
	verdict := "unknown"
	for i := 0; i < repeats; i++ {
		began := time.Now()
		result := porcupine.CheckOperationsTimeout(model, history, time.Duration(seconds)*time.Second)
		took := float64(time.Since(began).Nanoseconds()) / 1e6
		least = math.Min(least, took)
		verdict = map[porcupine.CheckResult]string{porcupine.Ok: "pass", porcupine.Illegal: "fail", porcupine.Unknown: "unknown"}[result]
		if verdict == "unknown" || took > 1000 {
			break
		}
	}
	report(verdict)
}
