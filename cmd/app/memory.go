package app

import (
	"context"
	"runtime/debug"
	"time"
)

// settle waits until this process is ready, and gives the kernel back what
// only the start needed.
func (a *App) settle(ctx context.Context) error {
	for pause := a.cfg.RetryFirst; !a.readiness(ctx).Ready; pause = min(2*pause, a.cfg.RetryLongest) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
	debug.FreeOSMemory()
	return nil
}
