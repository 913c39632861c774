package main

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"

	"github.com/anishathalye/porcupine"
)

type registerInput struct {
	f               string
	key             string
	value, from, to int
}

type registerOutput struct {
	ok    bool
	value int
}

func parseRegister(l line) (interface{}, interface{}) {
	in := registerInput{f: l.F, key: l.Key, value: integer(l.Value), from: integer(l.From), to: integer(l.To)}
	if l.F == "cas" && len(l.To) == 0 {
		in.to = in.from + 1
	}
	out := registerOutput{ok: string(l.Ret) == "true", value: -1}
	if l.F == "read" {
		out.value = integer(l.Ret)
	}
	return in, out
}

func register(init int) porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return init },
		Step: func(state, input, output interface{}) (bool, interface{}) {
			now, in := state.(int), input.(registerInput)
			out, heard := output.(registerOutput)
			switch in.f {
			case "read":
				return !heard || out.value == now, state
			case "write":
				return true, in.value
			default:
				if heard && out.ok != (now == in.from) {
					return false, state
				}
				if now == in.from {
					return true, in.to
				}
				return true, state
			}
		},
	}
}

type kvInput struct{ f, key, value string }

func parseKv(l line) (interface{}, interface{}) {
	text := func(raw json.RawMessage) string {
		var s string
		_ = json.Unmarshal(raw, &s)
		return s
	}
	return kvInput{l.F, l.Key, text(l.Value)}, text(l.Ret)
}

func partitionKv(history []porcupine.Operation) [][]porcupine.Operation {
	by := map[string][]porcupine.Operation{}
	for _, one := range history {
		key := one.Input.(kvInput).key
		by[key] = append(by[key], one)
	}
	keys := make([]string, 0, len(by))
	for key := range by {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var parts [][]porcupine.Operation
	for _, key := range keys {
		parts = append(parts, by[key])
	}
	return parts
}

func kv() porcupine.Model {
	return porcupine.Model{
		Partition: partitionKv,
		Init:      func() interface{} { return "" },
		Step: func(state, input, output interface{}) (bool, interface{}) {
			now, in := state.(string), input.(kvInput)
			out, heard := output.(string)
			switch in.f {
			case "get":
				return !heard || out == now, state
			case "put":
				return true, in.value
			default:
				return true, now + in.value
			}
		},
	}
}

type listInput struct {
	f, key, prefix, after string
	limit                 int
}

func parseList(l line) (interface{}, interface{}) {
	in := listInput{f: l.F, key: l.Key, prefix: l.Prefix, after: l.After, limit: -1}
	if l.Limit != nil {
		in.limit = *l.Limit
	}
	var out struct{ Keys []string }
	_ = json.Unmarshal(l.Ret, &out)
	return in, out.Keys
}

func list() porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return []string{} },
		Step: func(state, input, output interface{}) (bool, interface{}) {
			now, in := state.([]string), input.(listInput)
			if in.f == "put" {
				at, found := slices.BinarySearch(now, in.key)
				if found {
					return true, state
				}
				return true, slices.Insert(slices.Clone(now), at, in.key)
			}
			out, heard := output.([]string)
			if !heard {
				return true, state
			}
			var page []string
			for _, key := range now {
				if strings.HasPrefix(key, in.prefix) && key > in.after && (in.limit < 0 || len(page) < in.limit) {
					page = append(page, key)
				}
			}
			return slices.Equal(page, out), state
		},
		Equal: func(a, b interface{}) bool { return slices.Equal(a.([]string), b.([]string)) },
	}
}

func modelOf(spec string) (porcupine.Model, func(line) (interface{}, interface{})) {
	switch spec {
	case "head":
		return register(0), parseRegister
	case "cas-register":
		return register(0), parseRegister
	case "cas-register-null":
		return register(-1), parseRegister
	case "kv":
		return kv(), parseKv
	case "object-store":
		return list(), parseList
	}
	panic("no model is called " + spec)
}
