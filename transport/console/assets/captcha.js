// A captcha in a form, from when the server asks for one.

import { Failure, byId, call, make } from './api.js';

// withCaptcha makes the work of a form from what sends its fields: send(fields,
// answer), where answer goes into the body. A captcha is for one answer, so
// after whatever went wrong with one there is another.
export const withCaptcha = (form, send) => {
  let id = null;
  let shown = 0;
  let field = null;
  let picture = null;

  const draw = (captcha) => {
    id = captcha.id;
    picture.src = 'v1/captchas/' + id + '.png?' + ++shown; // another address each time: a refresh keeps the id
    byId('captcha').value = '';
  };
  const fetchAnother = async (refresh) => {
    if (refresh) {
      try {
        return draw(await call('POST', 'v1/captchas/' + id + '/refresh'));
      } catch (failure) {
        if (!(failure instanceof Failure) || failure.status !== 404) throw failure; // 404: too old
      }
    }
    return draw(await call('POST', 'v1/captchas'));
  };
  const show = async () => {
    if (!field) {
      const other = make('button', { type: 'button', class: 'quiet' }, 'Other characters');
      const problem = make('p', { class: 'problem', id: 'captcha-problem' });
      picture = make('img', { alt: 'Eight characters to be typed', width: 240, height: 80 });
      other.addEventListener('click', () => fetchAnother(true).catch((failure) => {
        if (!(failure instanceof Failure)) throw failure;
        problem.textContent = failure.message;
      }));
      field = make('div', { class: 'field captcha' }, make('label', { for: 'captcha' }, 'Characters in the picture'),
        make('div', { class: 'picture' }, picture, other),
        make('input', { id: 'captcha', name: 'captcha', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', 'aria-describedby': 'captcha-problem' }),
        problem);
      form.querySelector('[data-outcome]').before(field);
    }
    await fetchAnother(false);
  };
  const hide = () => {
    id = null;
    if (field) field.remove();
    field = null;
  };

  return async ({ captcha, ...fields }) => {
    try {
      await send(fields, id ? { captchaId: id, captcha } : {});
    } catch (failure) {
      if (failure instanceof Failure && (id || failure.slug === 'captcha.required')) {
        await show().catch(() => {}); // what went wrong first is what is told
      }
      throw failure;
    }
    hide();
  };
};
