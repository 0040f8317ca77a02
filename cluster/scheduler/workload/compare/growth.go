package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"holdfast/cluster/scheduler/workload"
)

// growthHosts is how many hosts the clusters have whose resources grow in number.
const growthHosts = 16

// growth measures how the time grows with the number of resources: for each state of the
// cluster, the CPU-seconds at each size and what a doubling of the resources costs.
func (c *comparison) growth(resources []int) error {
	fmt.Printf("%-12s", "hosts x res")
	for _, state := range []string{"cold", "running", "host lost"} {
		fmt.Printf(" %11s %9s", state, "doubling")
	}
	fmt.Println()
	var last [3]float64
	for i, n := range resources {
		files, err := c.documents(workload.Size{Hosts: growthHosts, Resources: n})
		if err != nil {
			return err
		}
		fmt.Printf("%-12s", fmt.Sprintf("%dx%d", growthHosts, n))
		for state, file := range files {
			mine, err := c.best(c.ours, file, c.runs)
			if err != nil {
				return err
			}
			seconds, doubling := mine.cpu.Seconds(), ""
			if i > 0 {
				doublings := math.Log2(float64(n) / float64(resources[i-1]))
				doubling = fmt.Sprintf("x %.2f", math.Pow(seconds/last[state], 1/doublings))
			}
			last[state] = seconds
			fmt.Printf(" %9.3f s %9s", seconds, doubling)
		}
		fmt.Println()
		for _, file := range files { // a running cluster's document is large
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// documents makes the documents of a cluster cold, running and with a host lost.
func (c *comparison) documents(size workload.Size) (files [3]string, err error) {
	name := fmt.Sprintf("%dx%d", size.Hosts, size.Resources)
	for i, state := range []string{"cold", "running", "lost"} {
		files[i] = filepath.Join(c.dir, name+"-"+state+".xml")
	}
	if err := os.WriteFile(files[0], workload.Cold(size).Bytes(), 0o600); err != nil {
		return files, err
	}
	if err := c.settle(files[0], files[1]); err != nil {
		return files, err
	}
	return files, loseHost(files[1], files[2], size.Hosts/2)
}
