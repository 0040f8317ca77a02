package config

import (
	"net/netip"
	"regexp"
	"time"

	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/sample"
)

// Action is what a rule does.
type Action uint8

// The actions of http-request, http-response, http-after-response and tcp-request rules.
const (
	Allow Action = iota
	Deny
	Tarpit
	Reject
	SilentDrop
	Auth
	Redirect
	Return
	Metrics
	AddHeader
	SetHeader
	DelHeader
	ReplaceHeader
	ReplaceValue
	SetMethod
	SetPath
	SetPathQuery
	SetQuery
	SetURI
	ReplacePath
	ReplacePathQuery
	ReplaceURI
	SetStatus
	SetVar
	SetVarFormat
	UnsetVar
	SetLogLevel
	SetSource
	SetSourcePort
	SetDestination
	SetDestinationPort
	Track
	IncCounter // sc-inc-gpc0(n)
	SetGPT
	CaptureSample
	SetMapEntry
	DelMapEntry
	AddACLEntry
	DelACLEntry
	Close
	ExpectProxy
	DisableL7Retry
	CacheUse
	CacheStore
	WaitForBody
	DoResolve
	StrictMode
	UseUniqueID
	SetPriorityClass
	SetPriorityOffset
	SetMark
	SetTOS
	NormalizeURI
	SetTimeout
	EarlyHint
	SetBandwidthLimit
)

// Rule is one line of rules. Which of the fields count depends on the action.
type Rule struct {
	Action Action
	If     *sample.Condition
	Line   int
	File   string

	Name      string // of a header, variable, map or file
	Format    *sample.Format
	Value     *sample.Format // the second of two
	Expr      *sample.Expr
	Pattern   *regexp.Regexp
	Method    string // del-header -m
	Status    int
	Level     int
	Slot      int
	Table     string
	Length    int
	Page      *Page
	Redirect  *RedirectTo
	Prefix    netip.Prefix
	Time      time.Duration
	Period    *sample.Expr // of SetBandwidthLimit
	Bandwidth *Bandwidth
	Lookup    *Lookup // of DoResolve

	Normalize h1.Normalizer
	Strict    bool                                                       // of Normalize
	When      func(c *sample.Context, name string, v *sample.Value) bool // set-var: nil: always
}

// RedirectTo is a redirection.
type RedirectTo struct {
	Kind        string // location, prefix, scheme
	To          *sample.Format
	Code        int
	DropQuery   bool
	AppendSlash bool
	SetCookie   string
	ClearCookie string
	IgnoreEmpty bool
}
