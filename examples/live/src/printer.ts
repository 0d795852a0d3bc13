// What is done with frames here: a line each.

import type { Frame, Listener } from './live.js';
import type { Session } from './session.js';

interface Summary {
  handle: string;
  displayName: string;
}
interface Post {
  id: string;
  title: string;
  author: Summary | null; // null: anonymous
  pinned?: boolean; // pinned ones lead their board, whatever their time
}
interface Message {
  number: number;
  sender: Summary;
  text: string;
}
export interface Page<T> {
  items: T[];
  next: string | null;
}

const glance = 3; // posts of a list that are shown at first
const pages = 10; // that are read at most to find where a list was left
const remembered = 1000; // posts of a topic

export class Printer implements Listener {
  /** Posts that were shown, of each topic: lists and frames overlap, and frames of live topics may come twice. */
  private readonly shown = new Map<string, Set<string>>();

  constructor(private readonly session: Session) {}

  note(text: string): void {
    console.error(text);
  }

  frame({ topic, type, n, data }: Frame): void {
    const kind = topic.split(':')[0];
    switch (type) {
      case 'chat.message_sent.v1':
        return console.log(`${kind} ${n}: ${name(data.sender)}: ${data.text}`);
      case 'inbox.notified.v1':
        return console.log(`${kind} ${n}: ${data.kind} by ${name(data.actor)}`);
      case 'post.published.v1':
        return this.post(topic, data);
      case 'typing':
        return console.log(`${kind}: ${name(data.account)} is typing`);
      default: // there are more types, and there will be: what is unknown hurts nobody
        console.log(`${kind}${n === undefined ? '' : ` ${n}`}: ${type}`);
    }
  }

  async read(topic: string, position?: string): Promise<void> {
    const [kind, id] = topic.split(':');
    switch (kind) {
      case 'inbox': {
        const list = await this.session.call<{ unread: number }>('GET', '/v1/notifications');
        return console.log(`inbox: ${list.unread} unread`);
      }
      case 'room': {
        const list = await this.session.call<Page<Message>>('GET', `/v1/rooms/${id}/messages`);
        return list.items.forEach((m) => console.log(`room ${m.number}: ${name(m.sender)}: ${m.text}`));
      }
      case 'board':
        return this.posts(topic, `/v1/boards/${id}/posts`, position);
      case 'feed':
        return this.posts(topic, '/v1/feed', position);
    }
  }

  /** Shows what a list of posts has above what was shown of it before: a glance, if nothing was. */
  private async posts(topic: string, path: string, position?: string): Promise<void> {
    const known = this.shown.get(topic);
    const missed: Post[] = [];
    for (let n = 0, cursor = ''; n < pages; n++) {
      const page: Page<Post> = await this.session.call('GET', path + (cursor && `?cursor=${encodeURIComponent(cursor)}`), position);
      const end = page.items.findIndex((p) => known?.has(p.id) && !p.pinned);
      missed.push(...(end < 0 ? page.items : page.items.slice(0, end)));
      if (!known || end >= 0 || page.next === null) break;
      cursor = page.next;
    }
    if (!known) missed.splice(glance).forEach((p) => this.remember(topic, p));
    missed.reverse().forEach((p) => this.post(topic, p));
  }

  private post(topic: string, post: Post): void {
    if (this.remember(topic, post)) console.log(`${topic.split(':')[0]}: "${post.title}" by ${name(post.author)}`);
  }

  /** Says whether the post is new to the topic. */
  private remember(topic: string, post: Post): boolean {
    const shown = this.shown.get(topic) ?? new Set<string>();
    this.shown.set(topic, shown);
    if (shown.has(post.id)) return false;
    shown.add(post.id);
    for (const oldest of shown) {
      if (shown.size <= remembered) break;
      shown.delete(oldest);
    }
    return true;
  }
}

function name(who: Summary | null): string {
  return who ? who.displayName || who.handle : 'somebody';
}
