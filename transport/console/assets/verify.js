// The page that links of verification mails open. What follows # is the token;
// browsers keep it to themselves.

import { Failure, byId, call, onSubmit } from './api.js';

const form = byId('verify');
const outcome = byId('outcome');

const say = (text, bad) => {
  outcome.textContent = text;
  outcome.classList.toggle('bad', Boolean(bad));
  outcome.hidden = false;
};

const confirmed = () => {
  form.hidden = true;
  byId('done').hidden = false;
  byId('done').focus();
};

const open = async () => {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, '', location.pathname);
  form.hidden = false;
  byId('done').hidden = true;
  say('Confirming…');
  try {
    await call('PUT', 'v1/email-verifications', { body: { token } });
    confirmed();
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    say(failure.slug === 'verification.invalid'
      ? 'This link was used already, is too old, or is not the newest one. If you confirmed before, there is nothing to do.'
      : failure.message + ' Open the link again in a moment.', true);
  }
};

onSubmit(form, async ({ email, code }) => {
  if (!email.trim() && !code.trim()) { // to the API it would be a link that is missing
    const missing = (field) => ({ field, problem: 'required' });
    throw new Failure(422, { message: 'Both fields are needed.', details: [missing('email'), missing('code')] });
  }
  await call('PUT', 'v1/email-verifications', { body: { email: email.trim(), code: code.replace(/\s/g, '') } });
  confirmed();
});

addEventListener('hashchange', open);
open();
