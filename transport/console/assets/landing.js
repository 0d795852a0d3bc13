// The start page: whether the server is ready, the feed, and a sign-in to see
// it with one's own eyes.

import { Failure, byId, guard, make, onSubmit } from './api.js';
import { withCaptcha } from './captcha.js';
import { ask, resume, signIn, signOut, signedIn } from './session.js';
import { avatar, showPost, unfold } from './posts.js';

// The server. /readyz answers 503 with the same form while it is not ready.
const watchServer = async () => {
  const state = byId('ready');
  const parts = byId('parts');
  const part = (name, text) => [make('dt', null, name), make('dd', null, text)];
  let ready = false;
  try {
    const answer = await fetch('readyz', { cache: 'no-store' });
    const json = await answer.json();
    ready = answer.ok;
    state.textContent = ready ? 'Ready' : 'Not ready yet';
    parts.replaceChildren(
      ...json.dependencies.flatMap((d) => part(d.name, d.state)),
      ...json.projections.flatMap((p) => part(p.name, p.rebuild ? 'rebuilding, ' + Math.floor(p.rebuild.progress * 100) + ' %'
        : p.lag ? p.lag + ' events behind' : 'up to date')));
  } catch {
    state.textContent = 'Cannot be reached';
    parts.replaceChildren();
  }
  state.classList.toggle('good', ready);
  state.classList.toggle('bad', !ready);
  setTimeout(watchServer, document.hidden ? 60000 : ready ? 15000 : 2000);
};

// The feed.
let which = 'public';
let next = null;
let round = 0; // the newest load counts; what comes late from others is dropped
let boards = new Map(); // names by id

// nameBoards reads the names of boards that were not met before; a post whose
// board cannot be read goes without.
const nameBoards = (posts) => {
  const met = [...new Set(posts.map((post) => post.boardId))].filter((id) => !boards.has(id));
  return Promise.all(met.map(async (id) => {
    const board = await ask('GET', 'v1/boards/' + id).catch((failure) => {
      if (!(failure instanceof Failure)) throw failure;
    });
    if (board) boards.set(id, board.name);
  }));
};

const loadFeed = async (fromStart) => {
  const mine = ++round;
  const state = byId('feed-state');
  byId('more').hidden = true;
  state.textContent = 'Loading…';
  await guard(state, async () => {
    const cursor = fromStart || !next ? '' : '&cursor=' + encodeURIComponent(next);
    const page = await ask('GET', 'v1/feed?public=' + (which === 'public') + cursor);
    await nameBoards(page.items);
    if (mine !== round) return;
    const nodes = page.items.map((post) => showPost(post, boards.get(post.boardId)));
    if (fromStart) byId('feed').replaceChildren(...nodes);
    else byId('feed').append(...nodes);
    next = page.next;
    unfold();
    if (!fromStart && nodes.length) { // the button that had the focus has moved down
      nodes[0].tabIndex = -1;
      nodes[0].focus();
    }
    state.textContent = byId('feed').firstChild ? ''
      : which === 'home' ? 'Nothing here yet: follow people, boards or hashtags, and their posts come here.' : 'No posts yet.';
  });
  if (mine === round) byId('more').hidden = !next;
  if (!signedIn() && !byId('me').hidden) { // the session ended elsewhere
    drawAccount(null);
    await choose('public');
  }
};

const choose = (name) => {
  which = name;
  next = null;
  byId('feed-title').textContent = which === 'home' ? 'Your feed' : 'Public feed';
  for (const button of byId('which').children) button.setAttribute('aria-pressed', String(button.dataset.feed === which));
  return loadFeed(true);
};

// The account.
const fact = (name, value) => make('div', null, make('dd', null, String(value)), make('dt', null, name));

const verification = (account) => {
  const button = make('button', { type: 'button' }, 'Send another letter');
  const note = make('p', { role: 'status' }, account.email + ' is not confirmed yet. Open the link in the letter we sent, or ',
    make('a', { href: 'verify' }, 'type its code'), '.');
  button.addEventListener('click', () => guard(note, async () => {
    button.disabled = true;
    await ask('POST', 'v1/email-verifications').finally(() => { button.disabled = false; });
    note.textContent = 'Another letter is on its way to ' + account.email + '. Older ones are void.';
    button.remove();
  }));
  return [make('div', { class: 'note' }, note, button)];
};

// drawAccount shows an account, or the sign-in where there is none.
const drawAccount = (account) => {
  byId('sign-in').hidden = Boolean(account);
  byId('me').hidden = !account;
  byId('which').hidden = !account;
  byId('account-title').textContent = account ? 'You' : 'Try it';
  byId('me').replaceChildren();
  if (!account) return;
  const out = make('button', { type: 'button' }, 'Sign out');
  const problem = make('p', { class: 'problem', role: 'alert' });
  out.addEventListener('click', () => guard(problem, async () => {
    await signOut();
    drawAccount(null);
    await choose('public');
    byId('login').focus();
  }));
  byId('me').append(
    make('div', { class: 'who' }, avatar(account), make('div', null, make('strong', null, account.displayName),
      make('span', { class: 'dim' }, '@' + account.handle))),
    make('p', null, (account.roles || []).map((role) => make('span', { class: 'tag' }, role))),
    make('dl', { class: 'facts' }, fact('posts', account.posts), fact('followers', account.followers), fact('following', account.following)),
    ...(account.emailVerified ? [] : verification(account)), problem, out);
};

const enter = async () => {
  drawAccount(await ask('GET', 'v1/me'));
  boards = new Map(); // who one is decides what one sees
  await choose('home');
  if (!byId('feed').firstChild) await choose('public'); // who follows nobody sees more there
};

onSubmit(byId('sign-in'), withCaptcha(byId('sign-in'), async ({ login, password }, answer) => {
  await signIn(login.trim(), password, answer);
  byId('sign-in').reset();
  await enter();
  byId('account-title').focus();
}));
byId('again').addEventListener('click', () => loadFeed(true));
byId('more').addEventListener('click', () => loadFeed(false));
byId('which').addEventListener('click', (event) => {
  if (event.target.dataset.feed) choose(event.target.dataset.feed);
});

watchServer();
await resume();
if (signedIn()) await guard(byId('feed-state'), enter);
else await choose('public');
