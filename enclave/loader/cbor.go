package main

import (
	"encoding/binary"
)

// The part of CBOR that the security module speaks: maps with text keys, texts, byte strings, small numbers and null.

var errCbor = reason("the security module answered something that is not understood")

type field struct {
	name  string
	value any
}

func cborHead(major byte, value int) []byte {
	switch {
	case value < 24:
		return []byte{major<<5 | byte(value)}
	case value < 256:
		return []byte{major<<5 | 24, byte(value)}
	default:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(value))
	}
}

func encodeCbor(value any) []byte {
	switch v := value.(type) {
	case nil:
		return []byte{0xf6}
	case int:
		return cborHead(0, v)
	case string:
		return append(cborHead(3, len(v)), v...)
	case []byte:
		return append(cborHead(2, len(v)), v...)
	case []field:
		out := cborHead(5, len(v))
		for _, f := range v {
			out = append(append(out, encodeCbor(f.name)...), encodeCbor(f.value)...)
		}
		return out
	}
	panic("a value that is never sent to the security module")
}

// decodeCbor reads one value and returns what follows it.
func decodeCbor(in []byte, depth int) (any, []byte, error) {
	if len(in) == 0 || depth > 4 {
		return nil, nil, errCbor
	}
	major, info, rest := in[0]>>5, int(in[0]&31), in[1:]
	if in[0] == 0xf6 {
		return nil, rest, nil
	}
	value := info
	if info > 23 {
		width := 1 << (info - 24)
		if info > 26 || len(rest) < width {
			return nil, nil, errCbor
		}
		value = 0
		for _, b := range rest[:width] {
			value = value<<8 | int(b)
		}
		rest = rest[width:]
	}
	switch major {
	case 0:
		return value, rest, nil
	case 2, 3:
		if value > len(rest) {
			return nil, nil, errCbor
		}
		if major == 3 {
			return string(rest[:value]), rest[value:], nil
		}
		return rest[:value:value], rest[value:], nil
	case 5:
		fields := map[string]any{}
		for range value {
			key, afterKey, err := decodeCbor(rest, depth+1)
			name, isText := key.(string)
			if err != nil || !isText {
				return nil, nil, errCbor
			}
			item, afterItem, err := decodeCbor(afterKey, depth+1)
			if err != nil {
				return nil, nil, err
			}
			fields[name], rest = item, afterItem
		}
		return fields, rest, nil
	}
	return nil, nil, errCbor
}
