package crm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/status"
)

// liveResourceCommands are those that look at, or act on, what runs.
func liveResourceCommands() []*command {
	return []*command{
		{name: "status", old: []string{"list", "show"}, usage: "[RESOURCE…]", summary: "where resources run", run: resourceStatus, words: completeResources},
		{name: "locate", usage: "RESOURCE…", summary: "the nodes that resources run on", run: locateResources, words: completeResources},
		{name: "cleanup", usage: "[RESOURCE] [NODE] [force]", summary: "forget failures, so that resources are tried again", run: forgetCommand(true), words: completeResources},
		{name: "refresh", old: []string{"reprobe"}, usage: "[RESOURCE] [NODE] [force]", summary: "forget everything about resources and look again", run: forgetCommand(false), words: completeResources},
		{name: "scores", summary: "the scores by which resources are placed", run: runScores},
		{name: "failcount", usage: "RESOURCE set NODE VALUE | RESOURCE delete|show NODE", summary: "how often a resource failed on a node", run: failcount, words: completeResources},
	}
}

func resourceStatus(s *session, words []word) error {
	doc, err := s.document()
	if err != nil {
		return err
	}
	if len(words) == 0 {
		s.printf("Full List of Resources:\n")
		if !s.listResources(scheduler.Observe(doc, time.Now()), status.Options{Placeless: true}) {
			return errReported
		}
		return nil
	}
	for _, id := range textsOf(words) {
		e, err := resourceIn(doc, id)
		if err != nil {
			return err
		}
		nodes := activeNodes(doc, e)
		for _, node := range nodes {
			s.printf("resource %s is running on: %s\n", id, node)
		}
		if len(nodes) == 0 {
			fmt.Fprintf(s.stderr, "resource %s is NOT running\n", id)
		}
	}
	return nil
}

// locateResources tells where each resource runs; one that does not exist is told and no failure.
func locateResources(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected at least one resource")
	}
	for _, w := range words {
		if _, err := s.resource(w.text); err != nil {
			return softError{err}
		}
	}
	return resourceStatus(s, words)
}

// activeNodes lists the nodes that the status has a resource, or a member of it, active on.
func activeNodes(doc *cib.Document, e *cib.Element) []string {
	status := doc.Section("status")
	if status == nil {
		return nil
	}
	var ids, nodes []string
	for d := range e.Descendants() {
		if d.Name == "primitive" {
			ids = append(ids, d.ID())
		}
	}
	for state := range status.All("node_state") {
		for d := range state.Descendants() {
			id, _, _ := strings.Cut(d.ID(), ":")
			if d.Name == "lrm_resource" && slices.Contains(ids, id) && activeHistory(d) && !slices.Contains(nodes, state.Get("uname")) {
				nodes = append(nodes, state.Get("uname"))
			}
		}
	}
	return nodes
}

// waitLimit is how long -w waits for the cluster to settle.
const waitLimit = time.Hour

func (s *session) waitForCluster() error {
	return client.New("").Wait(context.Background(), waitLimit)
}

func forgetCommand(failedOnly bool) func(*session, []word) error {
	name := "refresh"
	if failedOnly {
		name = "cleanup"
	}
	return func(s *session, words []word) error {
		texts := slices.DeleteFunc(textsOf(words), func(t string) bool { return t == "force" })
		if len(texts) > 2 {
			return usageError("expected a resource and a node")
		}
		forget := client.Forget{FailedOnly: failedOnly, Force: len(texts) != len(words)}
		if len(texts) > 0 {
			forget.Resource = texts[0]
		}
		if len(texts) > 1 {
			forget.Host = texts[1]
		}
		from, err := s.source()
		if err == nil && !from.Live() && name == "refresh" && len(texts) == 0 {
			s.printf("Dry run: skipping clean-up of all nodes due to CIB_file\n")
			return nil
		}
		c, err := s.daemon(name)
		if err != nil {
			return err
		}
		done, err := c.Forget(context.Background(), forget)
		if err != nil {
			return err
		}
		for _, r := range done.Resources {
			s.printf("Cleaned up %s on %s\n", r.Resource, r.Host)
		}
		return s.awaitTransition()
	}
}

func failcount(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) < 3 || texts[1] == "set" && len(texts) < 4 {
		return usageError("expected a resource, set, delete or show, and a node")
	}
	if _, err := s.resource(texts[0]); err != nil {
		return softError{err}
	}
	c, err := s.daemon("failcount")
	if err != nil {
		return err
	}
	ctx := context.Background()
	name := "fail-count-" + texts[0]
	switch texts[1] {
	case "set":
		operation, interval := "monitor", "0"
		if len(texts) > 4 {
			operation = texts[4]
		}
		if len(texts) > 5 {
			interval = texts[5]
		}
		name += fmt.Sprintf("#%s_%d", operation, spanOf(interval).Milliseconds())
		return c.SetAttribute(ctx, client.AttributeUpdate{Attribute: client.Attribute{Name: name, Value: texts[3], Host: texts[2]}})
	case "delete":
		_, err := c.Forget(ctx, client.Forget{Resource: texts[0], Host: texts[2], FailedOnly: true})
		return err
	case "show":
		list, err := c.Attributes(ctx, "", texts[2])
		if err != nil {
			return err
		}
		total := "0"
		for _, a := range list {
			if a.Name == name || strings.HasPrefix(a.Name, name+"#") {
				total = a.Value
			}
		}
		s.printf("scope=status  name=fail-count-%s value=%s\n", texts[0], total)
		return nil
	}
	return usageError(fmt.Sprintf("expected set, delete or show, not %q", texts[1]))
}

// restartResource stops a resource, waits, and starts it again as it was.
func restartResource(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected a resource")
	}
	if _, err := s.daemon("restart"); err != nil {
		return err
	}
	e, err := s.resource(words[0].text)
	if err != nil {
		return err
	}
	old, had := metaOf(cloneOf(e), "target-role")
	if old == "Stopped" {
		return fmt.Errorf("restart: %s is stopped; start it", words[0].text)
	}
	if err := setRole(s, words, "Stopped"); err != nil {
		return err
	}
	if err := s.waitForCluster(); err != nil {
		return fmt.Errorf("restart: %s is being stopped, but not in time: %w; 'crm resource start %s' starts it", words[0].text, err, words[0].text)
	}
	if !had {
		old = "Started"
	}
	if err := setRole(s, words, old); err != nil {
		return err
	}
	return s.waitForCluster()
}

func showOperations(s *session, words []word) error {
	doc, err := s.document()
	if err != nil {
		return err
	}
	status := doc.Section("status")
	if status == nil {
		return nil
	}
	texts := textsOf(words)
	for state := range status.All("node_state") {
		if len(texts) > 1 && state.Get("uname") != texts[1] {
			continue
		}
		for d := range state.Descendants() {
			if d.Name != "lrm_resource" || len(texts) > 0 && d.ID() != texts[0] {
				continue
			}
			for op := range d.All("lrm_rsc_op") {
				s.printf("%s\t%s\t%s_%s\trc=%s\n", state.Get("uname"), d.ID(), op.Get("operation"), op.Get("interval"), op.Get("rc-code"))
			}
		}
	}
	return nil
}
