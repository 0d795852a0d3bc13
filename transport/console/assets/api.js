// What the pages share: calls of the API, and errors as sentences.

// accept asks for the standard envelope, whatever the server's setting is.
const accept = 'application/json, application/problem+json;q=0, application/vnd.parley.always200+json;q=0';

// Failure is an answer that is an error, or no answer at all (status 0).
export class Failure extends Error {
  constructor(status, body) {
    super(body.message || 'The server answered ' + status + '.');
    this.status = status;
    this.slug = body.error || '';
    this.details = body.details || [];
  }
}

// call sends one request and gives what is inside data; null where there is
// nothing to say. Paths are relative, so that a proxy may put us in a folder.
export const call = async (method, path, { body, token } = {}) => {
  const headers = { Accept: accept };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = 'Bearer ' + token;
  let answer;
  try {
    answer = await fetch(path, { method, headers, cache: 'no-store', body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Failure(0, { message: 'The server cannot be reached.' });
  }
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Failure(answer.status, json);
  return json.data ?? null;
};

// make is an element. Text goes in as text, never as markup.
export const make = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== ''));
  return node;
};

// guard does work; where a call fails, its sentence goes into a place of the page.
export const guard = async (place, work) => {
  try {
    await work();
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    place.textContent = failure.message;
  }
};

export const byId = (id) => document.getElementById(id);

const sentences = {
  required: 'This is needed.',
  too_long: 'This is too long.',
  too_short: 'This is too short.',
  characters: 'This has characters that are not allowed.',
  email: 'This is not an email address.',
  common: 'This password is too easy to guess.',
  taken: 'This is taken already.',
  invalid: 'This is not right, or not valid any more.',
};

// onSubmit runs work with a form's fields, keeps the form from being sent
// twice, and shows each wrong field's problem beside it, the rest below.
export const onSubmit = (form, work) => {
  const outcome = form.querySelector('[data-outcome]');
  const button = form.querySelector('button:not([type])');
  const show = (input, text) => {
    byId(input.id + '-problem').textContent = text;
    if (text) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  const named = () => [...form.elements].filter((e) => e.name);
  const fail = (failure) => {
    const wrong = named().filter((input) => {
      const detail = failure.details.find((d) => d.field === input.name);
      if (detail) show(input, sentences[detail.problem] || 'This is not valid.');
      return detail;
    });
    outcome.textContent = wrong.length && failure.status === 422 ? '' : failure.message;
    const first = wrong.find((input) => input.offsetParent) || named().find((input) => input.offsetParent);
    if (first) first.focus();
  };
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    named().forEach((input) => show(input, ''));
    outcome.textContent = '';
    button.disabled = true;
    try {
      await work(Object.fromEntries(new FormData(form)));
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      fail(failure);
    } finally {
      button.disabled = false;
    }
  });
};
