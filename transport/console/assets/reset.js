// The page that links of password mails open. What follows # is the token;
// browsers keep it to themselves. Without one the page asks for such a mail.

import { byId, call, onSubmit } from './api.js';
import { withCaptcha } from './captcha.js';

const parts = ['reset', 'done', 'ask', 'sent'].map(byId);
const outcome = byId('outcome');
let token = '';

const show = (id, focus) => {
  parts.forEach((part) => { part.hidden = part.id !== id; });
  byId(focus || id).focus();
};

const open = () => {
  const given = location.hash.slice(1);
  if (given) {
    // The token leaves the address bar: no history and no copied address is to carry it.
    history.replaceState(null, '', location.pathname);
    token = given;
  }
  outcome.hidden = true;
  if (token) show('reset', 'password');
  else show('ask', 'email');
};

byId('show').addEventListener('change', (event) => {
  byId('password').type = event.target.checked ? 'text' : 'password';
});

onSubmit(byId('reset'), async ({ password }) => {
  try {
    await call('PUT', 'v1/password-resets', { body: { token, password } });
  } catch (failure) {
    if (failure.slug !== 'reset.invalid') throw failure;
    token = '';
    outcome.textContent = 'This link was used already, is too old, or is not the newest one. Ask for another one here.';
    outcome.hidden = false;
    show('ask', 'email');
    return;
  }
  token = '';
  byId('reset').reset();
  show('done');
});

onSubmit(byId('ask'), withCaptcha(byId('ask'), async ({ email }, answer) => {
  await call('POST', 'v1/password-resets', { body: { email: email.trim(), ...answer } });
  show('sent');
}));

addEventListener('hashchange', open);
open();
