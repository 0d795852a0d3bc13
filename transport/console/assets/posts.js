// Posts and comments as elements.

import { byId, guard, make } from './api.js';
import { ask } from './session.js';

const units = [['year', 31536000], ['month', 2592000], ['day', 86400], ['hour', 3600], ['minute', 60]];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

const when = (text) => {
  const at = new Date(text);
  const seconds = Math.round((at - Date.now()) / 1000);
  const [unit, size] = units.find(([, s]) => Math.abs(seconds) >= s) || [];
  return make('time', { datetime: text, title: at.toLocaleString() }, unit ? relative.format(Math.trunc(seconds / size), unit) : 'just now');
};

// avatar is the first letter of a name, in one of six colours.
export const avatar = (summary) => {
  const name = summary ? summary.displayName || summary.handle : '?';
  let sum = 0;
  for (const c of summary ? summary.handle : '') sum += c.codePointAt(0);
  return make('span', { class: 'avatar ' + (summary ? 'tint-' + (sum % 6) : ''), 'aria-hidden': 'true' }, [...name][0].toUpperCase());
};

const byline = (author, at, place) => make('p', { class: 'byline' },
  make('strong', null, author ? author.displayName || author.handle : 'Anonymous'),
  author ? make('span', { class: 'dim' }, '@' + author.handle) : null,
  make('span', { class: 'dim' }, place ? [make('span', null, place), ' · '] : '', when(at)));

// The server sanitises html. Nothing of it is taken over all the same: it is
// read as a document that never runs, and what is known is built anew.
const known = new Set(['P', 'BR', 'UL', 'OL', 'LI', 'STRONG', 'EM', 'DEL', 'CODE', 'PRE', 'BLOCKQUOTE', 'HR', 'TABLE', 'THEAD', 'TBODY', 'TR', 'TH', 'TD']);
const trusted = globalThis.trustedTypes?.createPolicy('parley', { createHTML: (text) => text });

const copy = (from, depth) => [...from.childNodes].flatMap((node) => {
  if (node.nodeType === Node.TEXT_NODE) return [node.data];
  if (node.nodeType !== Node.ELEMENT_NODE || depth > 40) return [];
  const children = copy(node, depth + 1);
  if (known.has(node.tagName)) return [make(node.tagName, { align: node.getAttribute('align') }, children)];
  if (/^H[1-6]$/.test(node.tagName)) return [make('p', null, make('strong', null, children))];
  if (node.tagName === 'A' && /^https?:\/\//i.test(node.getAttribute('href') || '')) {
    return [make('a', { href: node.getAttribute('href'), rel: 'noopener noreferrer nofollow', target: '_blank' }, children)];
  }
  if (node.tagName === 'INPUT') return [node.checked ? '☑ ' : '☐ ']; // of a list of tasks
  if (node.tagName === 'IMG') return ['[' + (node.getAttribute('alt') || 'picture') + ']'];
  return ['SCRIPT', 'STYLE', 'TEMPLATE'].includes(node.tagName) ? [] : children;
});

const rich = (html) => copy(new DOMParser().parseFromString(trusted ? trusted.createHTML(html) : html, 'text/html').body, 0);

const plural = (n, word) => n + ' ' + word + (n === 1 ? '' : 's');

const faces = { like: '👍', love: '❤️', laugh: '😂', sad: '😢', happy: '😊', angry: '😠' };

const reactions = (counts) => Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([kind, n]) =>
  make('span', { class: 'reaction', title: kind }, make('span', { 'aria-hidden': 'true' }, faces[kind] || kind),
    make('span', { class: 'unseen' }, kind), ' ' + n));

const tag = (text) => make('span', { class: 'tag' }, text);

// pictures are a post's, small. A CDN that links may name asks us for what it
// lacks, so they are here as well, and the pages load nothing from elsewhere.
const pictures = (images) => {
  const here = (url) => (/v1\/images\/[^/]+$/.exec(new URL(url).pathname) || [''])[0];
  return images.length === 0 ? null : make('p', { class: 'pictures' }, images.map((image) => {
    const small = image.thumbnails.find((t) => t.width >= 320) || image;
    return make('a', { href: here(image.url), target: '_blank' },
      make('img', { src: here(small.url), width: small.width, height: small.height, loading: 'lazy', alt: 'picture' }));
  }));
};

// showComment is a comment; answers is where those to it go, if it has a place of its own.
const showComment = (comment, accepted, answers) => make('li', null,
  avatar(comment.author),
  make('div', null,
    byline(comment.author, comment.createdAt),
    accepted ? tag('accepted answer') : null,
    make('div', { class: 'body' }, comment.deleted ? make('p', { class: 'dim' }, 'This comment was deleted.') : rich(comment.html)),
    make('div', { class: 'foot' }, reactions(comment.reactions)),
    answers));

const deepest = 4; // what answers deeper ones stands beside them: there is no room further in

// thread is a post's comments, the oldest first, a page at a time: what a
// comment answers came before it.
const thread = (post) => {
  const list = make('ol', { class: 'comments' });
  const places = new Map(); // where answers to a comment go, by its id
  const put = (comment) => {
    const { into, depth } = places.get(comment.parentId) || { into: list, depth: 0 };
    const answers = depth < deepest ? make('ol', { class: 'comments' }) : null;
    places.set(comment.id, answers ? { into: answers, depth: depth + 1 } : { into, depth });
    const item = showComment(comment, comment.id === post.answerId, answers);
    into.append(item);
    return item;
  };
  const state = make('p', { class: 'dim', role: 'status' });
  const more = make('button', { type: 'button', class: 'quiet', hidden: true }, 'More comments');
  let next = null;
  const load = () => {
    more.hidden = true;
    state.textContent = 'Loading…';
    return guard(state, async () => {
      const page = await ask('GET', 'v1/posts/' + post.id + '/comments' + (next ? '?cursor=' + encodeURIComponent(next) : ''));
      const items = page.items.map(put);
      if (next && items.length) { // the button that had the focus has moved down
        items[0].tabIndex = -1;
        items[0].focus();
      }
      next = page.next;
      state.textContent = '';
      more.hidden = !next;
    });
  };
  more.addEventListener('click', load);
  load();
  return [list, state, more];
};

// showPost is a post; board is its board's name, or nothing.
export const showPost = (post, board) => {
  const id = 'comments-' + post.id;
  const body = make('div', { class: 'body short' }, rich(post.html));
  const under = make('div', { id, hidden: true });
  const toggle = post.comments === 0 ? make('span', null, 'No comments')
    : make('button', { type: 'button', class: 'quiet', 'aria-expanded': 'false', 'aria-controls': id }, plural(post.comments, 'comment'));
  toggle.addEventListener('click', () => {
    if (post.comments === 0) return;
    if (!under.firstChild) under.append(...thread(post));
    under.hidden = !under.hidden;
    toggle.setAttribute('aria-expanded', String(!under.hidden));
  });
  return make('article', { class: 'post', 'aria-labelledby': 'title-' + post.id },
    avatar(post.author),
    make('div', null,
      byline(post.author, post.publishedAt, board),
      make('h3', { id: 'title-' + post.id }, post.title, post.type === 'question' ? tag(post.answerId ? 'answered' : 'question') : null,
        post.pinned ? tag('pinned') : null, post.locked ? tag('locked') : null),
      body,
      pictures(post.images),
      make('div', { class: 'foot' }, toggle, reactions(post.reactions)),
      under));
};

// unfold lets long posts be read whole; it needs to know how high they came out.
export const unfold = () => {
  for (const body of byId('feed').querySelectorAll('.body.short')) {
    body.classList.remove('short');
    if (body.scrollHeight < 400) continue;
    body.classList.add('cut');
    const button = make('button', { type: 'button', class: 'quiet' }, 'Read on');
    button.addEventListener('click', () => { body.classList.remove('cut'); button.remove(); });
    body.after(button);
  }
};
