// The form behind the set-up link.

import { byId, call, onSubmit } from './api.js';

// The token leaves the address bar before anything else happens: neither the
// history nor a copied address is to carry it.
const token = new URLSearchParams(location.search).get('token');
if (location.search) history.replaceState(null, '', location.pathname);

const swap = (from, to) => {
  from.hidden = true;
  to.hidden = false;
  to.focus();
};

const form = byId('setup');
if (form) {
  if (token) {
    byId('token').value = token;
    byId('token-field').hidden = true;
  }
  byId(token ? 'email' : 'token').focus();
  byId('show').addEventListener('change', (event) => {
    byId('password').type = event.target.checked ? 'text' : 'password';
  });
  onSubmit(form, async (fields) => {
    try {
      const account = await call('POST', 'v1/setup', { body: fields });
      byId('who').textContent = '@' + account.handle;
      byId('where').textContent = account.email;
      form.reset();
      swap(form, byId('done'));
    } catch (failure) {
      if (failure.slug === 'setup.invalid') byId('token-field').hidden = false;
      if (failure.status !== 404) throw failure;
      swap(form, byId('over'));
    }
  });
}
