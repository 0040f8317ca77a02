// Package quorumdisk lends the votes of a quorum device by a lease on a disk that all hosts share: a
// tie breaker without a third machine. A side of a divided cluster has the votes when one of its
// hosts holds the lease.
//
// # On the disk
//
// Sector 0 is the header (Header). Sector i is the block of the host with node id i, 1 to MaxHost; only that
// host writes it, whole, and every look at the disk reads all of them. A block holds a counter, which
// every write raises, an intent and a claim, which are Ballots, and what the host reports of its partition.
//
// # The lease
//
// A host that wants the lease goes through four steps, each of which ends before the next begins:
//
//  1. write an intent, a ballot above all that it has seen;
//  2. read: go on only if no other has a higher intent, and each claim of another is spent;
//  3. write the claim, of the same ballot;
//  4. read: the lease is held if no other has a higher intent.
//
// Otherwise it takes intent and claim back and tries again later. The holder writes its block again and
// again (Timing.Interval), and reads after each write: it goes on holding if no other has a higher
// intent. If one has, which a host that died between the steps leaves behind, the holder goes through the steps
// again, with its claim still standing. A hold counts for Timing.Hold from the beginning of the write that
// it rests on, and one that is over is not gone on with: the steps begin anew.
//
// A claim is spent when it was taken back, or when the block with it was seen unchanged for Hold and Grace, from
// the end of the read that showed it first to the beginning of the last one.
//
// # Why there is one holder
//
// Let A and B hold by ballots a < b. B wrote its intent before step 2, and A read after it wrote its claim
// (or wrote its block again). If A's read came after B's intent, A saw a higher intent and did not hold by it. So A's
// read, and A's write before it, came before B's intent, and B's read of step 2 shows what A wrote. B goes on only if that
// claim is spent: if A's write was seen by B's first read of it, at r at the latest, A's hold ends by r+Hold, and B
// goes on after r+Hold+Grace. It does not matter how long any single read or write takes, only that each has
// ended when it is said to have ended, and that clocks run at one speed to a part in four: that is what Grace is
// for, together with the time that other hosts of the holder's side go on counting on what they heard from it.
//
// # What the lease does not do
//
// It says who may have quorum; it does not stop what runs. A host whose lease is over without a word,
// because it stood still, finds that out on its own clock before it does anything, but what it ran
// until then went on. So whoever gets the votes fences the hosts outside its view before it starts what they ran, as always. Where the
// watchdog is what ends the other side, it waits for the watchdog's time and Timing.Decide together at least: so long after losing the other
// side a host without the lease may hope for it, and its watchdog is fed.
//
// Lease is pure: instants, reads and writes go in, what is to be read or written comes out. Package device does with a
// disk what it says. The package starts no goroutine.
package quorumdisk
