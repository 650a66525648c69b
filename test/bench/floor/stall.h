// The longest time for which a CPU could not run a thread that was due.
#pragma once
void stall_start(void);     // one real-time thread on every CPU
void stall_reset(void);
long stall_max_us(void);    // since the last reset
