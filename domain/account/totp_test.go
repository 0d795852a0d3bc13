package account_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

var (
	asked   = account.TOTPRequested{Secret: []byte("secret")}
	enabled = account.TOTPEnabled{Step: 100, Recovery: [][]byte{[]byte("one"), []byte("two")}}
	off     = account.TOTPDisabled{}
)

// code is the code of a secret at some steps.
func code(secret string, steps ...int64) account.OTP {
	return account.OTP{Steps: func(s []byte) []int64 {
		if string(s) != secret {
			return nil
		}
		return steps
	}}
}

// recovery is a recovery code of that hash.
func recovery(hash string) account.OTP {
	return account.OTP{Steps: func([]byte) []int64 { return nil }, Recovery: []byte(hash)}
}

// A10: a secret is in force once a code of it was shown, and then no other is
// made beside it.
func TestTOTPIsConfirmed(t *testing.T) {
	t.Parallel()
	newer := account.TOTPRequested{Secret: []byte("newer")}
	hashes := enabled.Recovery
	for name, c := range map[string]struct {
		given []event.Data
		code  account.OTP
		want  []event.Data
		err   error
	}{
		"right":      {[]event.Data{registered, asked}, code("secret", 100), []event.Data{enabled}, nil},
		"wrong":      {[]event.Data{registered, asked}, code("secret"), nil, account.ErrOTPWrong},
		"replaced":   {[]event.Data{registered, asked, newer}, code("secret", 100), nil, account.ErrOTPWrong},
		"the newer":  {[]event.Data{registered, asked, newer}, code("newer", 100), []event.Data{enabled}, nil},
		"not asked":  {[]event.Data{registered}, code("", 100), nil, account.ErrTOTPNotRequested},
		"in force":   {[]event.Data{registered, asked, enabled}, code("secret", 101), nil, account.ErrTOTPEnabled},
		"given up":   {[]event.Data{registered, asked, enabled, off}, code("secret", 101), nil, account.ErrTOTPNotRequested},
		"no account": {nil, code("", 100), nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).EnableTOTP(c.code, hashes, at)
			then(t, got, err, c.want, c.err)
		})
	}
	got, err := given(registered, asked).EnableTOTP(code("secret", 100), hashes, at.Add(time.Millisecond))
	then(t, got, err, nil, account.ErrTOTPNotRequested) // too late
	got, err = given(registered, asked).RequestTOTP(asked.Secret)
	then(t, got, err, []event.Data{asked}, nil)
	got, err = given(registered).RequestTOTP(asked.Secret)
	then(t, got, err, []event.Data{asked}, nil)
	got, err = given(registered, asked).RequestTOTP(newer.Secret)
	then(t, got, err, []event.Data{newer}, nil)
	got, err = given(registered, asked, enabled).RequestTOTP(newer.Secret)
	then(t, got, err, nil, account.ErrTOTPEnabled)
	if given(registered, asked).HasTOTP() || !given(registered, asked, enabled).HasTOTP() || given(registered, asked, enabled, off).HasTOTP() {
		t.Error("in force at the wrong time")
	}
}

// A10: each code once, each recovery code once, in any order.
func TestPassTOTP(t *testing.T) {
	t.Parallel()
	in := []event.Data{registered, asked, enabled}
	used := func(step int64) event.Data { return account.TOTPUsed{Step: step} }
	second := account.RecoveryCodeUsed{Index: 1}
	for name, c := range map[string]struct {
		given []event.Data
		code  account.OTP
		want  []event.Data
		err   error
	}{
		"none needed":           {[]event.Data{registered, asked}, code(""), nil, nil},
		"right":                 {in, code("secret", 101), []event.Data{used(101)}, nil},
		"the confirming one":    {in, code("secret", 100), nil, account.ErrOTPWrong},
		"the one before it":     {in, code("secret", 99), []event.Data{used(99)}, nil},
		"used":                  {append(slices.Clone(in), used(101)), code("secret", 101), nil, account.ErrOTPWrong},
		"before a used one":     {append(slices.Clone(in), used(102)), code("secret", 101), []event.Data{used(101)}, nil},
		"long before a used":    {append(slices.Clone(in), used(103)), code("secret", 100), nil, account.ErrOTPWrong},
		"of two steps, one new": {in, code("secret", 100, 101), []event.Data{used(101)}, nil},
		"wrong":                 {in, code("secret"), nil, account.ErrOTPWrong},
		"recovery":              {in, recovery("two"), []event.Data{second}, nil},
		"used recovery":         {append(slices.Clone(in), second), recovery("two"), nil, account.ErrOTPWrong},
		"the other recovery":    {append(slices.Clone(in), second), recovery("one"), []event.Data{account.RecoveryCodeUsed{Index: 0}}, nil},
		"unknown recovery":      {in, recovery("three"), nil, account.ErrOTPWrong},
		"no recovery":           {in, recovery(""), nil, account.ErrOTPWrong},
		"the key is gone":       {[]event.Data{registered, account.TOTPRequested{}, account.TOTPEnabled{Step: 1}}, code("secret", 101), nil, account.ErrOTPWrong},
		"no account":            {nil, code(""), nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).PassTOTP(c.code)
			then(t, got, err, c.want, c.err)
		})
	}
	if n := given(append(slices.Clone(in), second)...).RecoveryCodes(); n != 1 {
		t.Errorf("%d recovery codes are left", n)
	}
}

// A10: whoever takes the factor away has it, or a recovery code.
func TestDisableTOTP(t *testing.T) {
	t.Parallel()
	in := []event.Data{registered, asked, enabled}
	for name, c := range map[string]struct {
		given []event.Data
		code  account.OTP
		want  []event.Data
		err   error
	}{
		"by a code":     {in, code("secret", 101), []event.Data{off}, nil},
		"by a recovery": {in, recovery("one"), []event.Data{off}, nil},
		"by a used one": {in, code("secret", 100), nil, account.ErrOTPWrong},
		"wrong":         {in, code("secret"), nil, account.ErrOTPWrong},
		"none":          {[]event.Data{registered, asked}, code("secret", 100), nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).DisableTOTP(c.code)
			then(t, got, err, c.want, c.err)
		})
	}
}

// A10: whatever is given when, no step passes twice, and what is kept of them
// is bounded.
func TestNoStepPassesTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := given(registered, asked, enabled)
		passed := map[int64]bool{enabled.Step: true}
		now := enabled.Step
		for range 200 {
			now += rapid.Int64Range(-1, 2).Draw(t, "later")
			step := now + rapid.Int64Range(-account.TOTPSkew, account.TOTPSkew).Draw(t, "step")
			events, err := a.PassTOTP(code("secret", step))
			if err != nil {
				continue
			}
			if passed[step] {
				t.Fatalf("step %d passed twice", step)
			}
			passed[step] = true
			a.Apply(event.Decoded{Payload: events[0]})
		}
		if s := fmt.Sprintf("%+v", a); len(s) > 2000 {
			t.Fatalf("it grows: %s", s)
		}
	})
}
