// The subprotocol parley.v1.json with one promise: of a numbered topic (inbox,
// room:…) every frame comes once and in order; a live topic (board:…, post:…,
// feed) leaves no gap between its list and its frames. Whatever breaks in
// between, this comes back with the numbers that it has.

import WebSocket from 'ws';
import { Numbers } from './numbers.js';
import { ApiError, Session } from './session.js';

export interface Frame {
  topic: string;
  type: string; // "chat.message_sent.v1", "typing"
  n?: number; // of numbered topics
  position?: string; // of live topics
  time?: string; // of neither: typing, presence and receipts may be lost
  data: any;
}

export interface Listener {
  /** A frame. It counts as dealt with when this returns. */
  frame(frame: Frame): void;
  /** The list of the topic has to be read, at this position if there is one: frames alone would leave a gap. */
  read(topic: string, position?: string): Promise<void>;
  /** Something about the connection. */
  note(text: string): void;
}

interface Answer {
  re: string;
  ok: boolean;
  error?: string;
  message?: string;
  topic?: string;
  n?: number; // newest number of the topic
  recovered?: boolean; // whether everything after our number follows
  position?: string;
}

const firstPause = 500; // ms before coming back, doubled each time
const longestPause = 30_000;
const steady = 10_000; // ms after which a connection counts as a good one
const handshakeTimeout = 10_000;

export class Live {
  private socket?: WebSocket;
  private epoch = '';
  private asked = 0;
  private readonly waiting = new Map<string, (answer: Answer) => void>();
  private stopped = false;
  private wake?: () => void;

  constructor(
    private readonly session: Session,
    private readonly topics: Set<string>,
    private readonly numbers: Numbers,
    private readonly listener: Listener,
  ) {}

  /** Stays connected until stop is called. Throws where coming back is no use. */
  async run(): Promise<void> {
    for (let failures = 0; !this.stopped; failures++) {
      const began = Date.now();
      try {
        const code = await this.connection();
        // 4000–4099: come back. 4101, a bad ticket, too: we take a new one each time.
        if (code >= 4100 && code < 4200 && code !== 4101) throw new Refused(`the server closed with ${code}: do not come back`);
        if (!this.stopped) this.listener.note(`the connection ended (${code})`);
      } catch (error) {
        if (final(error)) throw error;
        this.listener.note(`no connection: ${(error as Error).message}`);
      }
      if (this.stopped) return;
      if (Date.now() - began > steady) failures = 0;
      // A random part, or all clients of a server that restarts come back at once.
      const most = Math.min(longestPause, firstPause * 2 ** failures);
      await this.pause(most / 2 + (Math.random() * most) / 2);
    }
  }

  stop(): void {
    this.stopped = true;
    this.socket?.close(1000);
    this.wake?.();
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => (clearTimeout(timer), resolve());
    });
  }

  /** One connection from its ticket to its close code. */
  private async connection(): Promise<number> {
    // A ticket is good for one handshake within a minute; unlike a token it may show up in a log.
    const { ticket } = await this.session.call<{ ticket: string }>('POST', '/v1/push/tickets');
    if (this.stopped) return 1000;
    const socket = new WebSocket(this.session.server.replace(/^http/, 'ws') + '/v1/push', ['parley.v1.json', `ticket.${ticket}`], { handshakeTimeout });
    this.socket = socket;
    let heart: NodeJS.Timeout | undefined;
    let renewal: NodeJS.Timeout | undefined;
    let alive = () => {};
    try {
      return await new Promise<number>((resolve, reject) => {
        let failure: unknown;
        // What goes wrong in here ends the connection, and the next one starts from the numbers.
        const fail = (error: unknown) => {
          failure ??= error;
          socket.terminate();
        };
        socket.on('error', fail);
        socket.on('close', (code) => (failure ? reject(failure) : resolve(code)));
        socket.on('ping', () => alive()); // ws answers it by itself
        socket.on('message', (raw) => {
          try {
            alive();
            const frame = JSON.parse(raw.toString());
            if (!frame.hello) return this.receive(frame);
            this.epoch = frame.hello.epoch;
            alive = () => {
              clearTimeout(heart);
              heart = setTimeout(() => fail(new Error('nothing was heard for two heartbeats')), 2000 * frame.hello.heartbeat);
            };
            alive();
            renewal = setInterval(() => this.renew().catch(fail), this.session.renewAfter);
            for (const topic of this.topics) this.subscribe(topic).catch(fail);
          } catch (error) {
            fail(error);
          }
        });
      });
    } finally {
      clearTimeout(heart);
      clearInterval(renewal);
      this.waiting.clear();
    }
  }

  /** Renews the token on the way, so that the socket does not end with it. */
  private async renew(): Promise<void> {
    await this.session.renew();
    const answer = await this.ask({ do: 'auth', token: this.session.accessToken });
    if (!answer.ok) throw new Error(`auth: ${answer.message}`);
  }

  private async subscribe(topic: string): Promise<void> {
    const last = this.numbers.last(topic);
    const answer = await this.ask({ do: 'subscribe', topic, ...(last && { after: last.n, epoch: last.epoch }) });
    if (!answer.ok) {
      if (answer.error !== 'topic.not_found') throw new Error(`subscribe to ${topic}: ${answer.message}`);
      this.topics.delete(topic);
      return this.listener.note(`${topic}: ${answer.message}`);
    }
    // Frames are coming already; the list, read at this position, holds all that came before them.
    if (answer.position) await this.listener.read(topic, answer.position);
  }

  /** Sends a command; what comes back with its id is the answer. */
  private ask(command: object): Promise<Answer> {
    const id = String(++this.asked);
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.socket?.send(JSON.stringify({ id, ...command }));
    });
  }

  private receive(frame: any): void {
    if ('re' in frame) return this.answered(frame);
    const topic: string = frame.topic;
    if (frame.ended) {
      this.topics.delete(topic); // we left the room, or may not see it any more
      this.listener.note(`${topic} has ended`);
    } else if (frame.reset) {
      // Our number is of another life of the log, or from before we came in. `answered` has put the newest one.
      this.listener.note(`${topic}: begins anew at ${frame.from}`);
      this.listener.read(topic).catch((error) => this.socket?.emit('error', error));
    } else if (frame.n === undefined) {
      this.listener.frame(frame);
    } else {
      const last = this.numbers.last(topic)?.n ?? 0;
      if (frame.n <= last) return;
      if (frame.n > last + 1) throw new Error(`${topic}: ${frame.n} came after ${last}`);
      this.listener.frame(frame);
      this.numbers.put(topic, { n: frame.n, epoch: this.epoch });
    }
  }

  /** An answer comes before the first frame of its topic, so the number is put before that is looked at. */
  private answered(answer: Answer): void {
    if (answer.topic && answer.n !== undefined && !answer.recovered) this.numbers.put(answer.topic, { n: answer.n, epoch: this.epoch });
    this.waiting.get(answer.re)?.(answer);
    this.waiting.delete(answer.re);
  }
}

/** The server said not to come back. */
class Refused extends Error {}

/** Whoever is refused stays so; servers that are away, busy or starting come back. */
function final(error: unknown): boolean {
  return error instanceof Refused || (error instanceof ApiError && (error.status === 401 || error.status === 403));
}
