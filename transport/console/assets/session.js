// One sign-in. The access token lives in this page's memory; the refresh token
// in a cookie that scripts cannot read. What is stored is only that there is
// one, so that visitors who never signed in cause no refusal.

import { Failure, call } from './api.js';

const hint = 'parley.signedIn';
let token = null;
let refreshing = null;

// stored works with the browser's storage; without one, a sign-in lasts until
// the page is closed.
const stored = (work) => {
  try { return work(localStorage); } catch { return null; }
};

const keep = (answer) => {
  token = answer.accessToken;
  stored((s) => s.setItem(hint, '1'));
};

const forget = () => {
  token = null;
  stored((s) => s.removeItem(hint));
};

// refresh uses the cookie up for a new one: one at a time, in all tabs, since
// a token that comes twice looks stolen.
const refresh = () => {
  const once = async () => {
    try {
      keep(await call('POST', 'v1/sessions/refresh'));
    } catch (failure) {
      if (failure.status === 401 || failure.status === 403) forget();
      throw failure;
    }
  };
  refreshing ||= (navigator.locks ? navigator.locks.request('parley.refresh', once) : once()).finally(() => { refreshing = null; });
  return refreshing;
};

export const signedIn = () => token !== null;

// signIn takes what else goes into the body: the answer to a captcha.
export const signIn = async (login, password, more = {}) => {
  keep(await call('POST', 'v1/sessions', { body: { login, password, carrier: 'cookie', ...more } }));
};

// resume takes up the sign-in of an earlier visit, if there is one.
export const resume = async () => {
  if (!stored((s) => s.getItem(hint))) return;
  await refresh().catch((failure) => {
    if (!(failure instanceof Failure)) throw failure;
  });
};

// ask calls as whoever is signed in. A token that ran out is renewed once; a
// session that is over leaves the visitor signed out (see signedIn).
export const ask = async (method, path) => {
  const used = token;
  try {
    return await call(method, path, { token: used });
  } catch (failure) {
    if (failure.status !== 401 || !used) throw failure;
    if (token === used) await refresh();
    return call(method, path, { token });
  }
};

export const signOut = async () => {
  try {
    await ask('DELETE', 'v1/sessions/current');
  } catch (failure) {
    if (failure.status !== 401) throw failure; // 401: over already
  }
  forget();
};
