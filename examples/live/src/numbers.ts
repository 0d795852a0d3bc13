// The last number of each topic that was dealt with, kept in a file, so that
// also a new process goes on where the last one ended.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface Last {
  n: number;
  epoch: string; // the life of the log that the number belongs to
}

export class Numbers {
  private topics: Record<string, Last> = {};

  constructor(private readonly file: string) {
    try {
      this.topics = JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  last(topic: string): Last | undefined {
    return this.topics[topic];
  }

  /** To be called when a frame was dealt with, not before: what was not comes again after a crash. */
  put(topic: string, last: Last): void {
    this.topics[topic] = last;
    writeFileSync(this.file + '.new', JSON.stringify(this.topics));
    renameSync(this.file + '.new', this.file); // whole, or not at all
  }
}
