'use strict';
// Shows /openapi.json. Text goes in as text nodes only, never as markup.

const make = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== ''));
  return node;
};

// prose is text in which `names` stand out.
const prose = (text) => text.split('`').map((part, i) => (i % 2 ? make('code', null, part) : part));

let doc;

const resolve = (thing) => {
  for (let hops = 0; thing && thing.$ref && hops < 8; hops++) {
    thing = thing.$ref.slice(2).split('/').reduce((at, part) => at && at[part], doc);
  }
  return thing || {};
};

// typeName is a schema in a few words.
const typeName = (schema) => {
  if (!schema) return 'any';
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.anyOf) return schema.anyOf.map(typeName).join(' or ');
  if (schema.type === 'array') return 'list of ' + typeName(schema.items);
  const types = [].concat(schema.type || 'any');
  if (schema.enum) return schema.enum.map((e) => JSON.stringify(e)).join(' | ');
  return types.map((t) => (t === 'string' && schema.format) || t).join(' or ');
};

const limits = (s) => [
  ['minLength', '≥ ', ' characters'], ['maxLength', '≤ ', ' characters'], ['minimum', '≥ ', ''], ['maximum', '≤ ', ''],
  ['minItems', '≥ ', ' items'], ['maxItems', '≤ ', ' items'],
].filter(([key]) => s[key] !== undefined).map(([key, before, after]) => before + s[key] + after)
  .concat(s.default !== undefined ? ['default ' + JSON.stringify(s.default)] : []).join(', ');

const row = (name, required, schema, text) => make('tr', null,
  make('td', null, make('code', null, name), required ? '' : make('span', { class: 'dim' }, ' optional')),
  make('td', null, make('code', null, typeName(schema))),
  make('td', { class: 'dim' }, [text || schema.description, limits(schema)].filter(Boolean).join('; ')));

// fields is the table of an object's fields; parts of it that are objects
// themselves follow once, indented by their path.
const fields = (schema) => {
  const body = make('tbody');
  const walk = (s, prefix, seen) => {
    s = resolve(s);
    if (s.anyOf) s = resolve(s.anyOf.find((a) => a.type !== 'null'));
    for (const [name, property] of Object.entries(s.properties || {})) {
      body.append(row(prefix + name, (s.required || []).includes(name), property));
      const inner = property.type === 'array' ? property.items : property;
      const ref = inner && (inner.$ref || (inner.anyOf || []).map((a) => a.$ref).find(Boolean));
      if (ref && !seen.includes(ref)) walk({ $ref: ref }, prefix + name + (inner === property ? '.' : '[].'), seen.concat(ref));
    }
  };
  walk(schema, '', schema && schema.$ref ? [schema.$ref] : []);
  return body.children.length ? make('table', null, body) : make('p', { class: 'dim' }, typeName(schema));
};

const section = (title, ...content) => make('section', null, make('h3', null, title), ...content);

const show = (path, verb, op) => {
  const body = make('div');
  const parameters = (op.parameters || []).map(resolve);
  if (parameters.length) {
    const rows = parameters.map((p) => row(p.name + ' (' + p.in + ')', p.required, p.schema || {}, p.description));
    body.append(section('Parameters', make('table', null, make('tbody', null, ...rows))));
  }
  if (op.requestBody) {
    for (const [media, content] of Object.entries(op.requestBody.content)) {
      body.append(section('Body, ' + media, fields(content.schema)));
    }
  }
  for (const [status, response] of Object.entries(op.responses)) {
    const content = Object.entries(response.content || {})[0];
    if (status < '400') {
      const data = content && content[1].schema && content[1].schema.properties && content[1].schema.properties.data;
      body.append(section(status + ' ' + response.description + (content ? ', ' + content[0] : ''),
        data ? fields(data) : content && content[1].schema ? fields(content[1].schema) : ''));
    }
  }
  const errors = Object.entries(op.responses).filter(([status]) => status >= '400');
  if (errors.length) {
    body.append(section('Errors', make('table', { class: 'errors' }, make('tbody', null, ...errors.map(([status, r]) => make('tr', null,
      make('td', null, status), make('td', null, ...prose(r.description))))))));
  }
  const security = op.security || [];
  const access = security.length === 0 ? 'public' : security.some((s) => Object.keys(s).length === 0) ? 'token optional' : 'token';
  const node = make('details', { class: 'operation', id: op.operationId },
    make('summary', null, make('span', { class: 'verb ' + verb }, verb.toUpperCase()), make('code', null, path),
      make('span', { class: 'dim' }, op.summary || ''), make('span', { class: 'lock' }, access)),
    body);
  node.dataset.text = [verb, path, op.operationId, op.summary, ...errors.map(([, r]) => r.description)].join(' ').toLowerCase();
  return node;
};

const draw = () => {
  const chapters = new Map((doc.tags || []).map((tag) => [tag.name, []])); // in the order of the description
  for (const [path, verbs] of Object.entries(doc.paths)) {
    for (const [verb, op] of Object.entries(verbs)) {
      const tag = (op.tags || ['Other'])[0];
      if (!chapters.has(tag)) chapters.set(tag, []);
      chapters.get(tag).push(show(path, verb, op));
    }
  }
  const main = document.getElementById('operations');
  const nav = document.getElementById('contents');
  main.replaceChildren(make('p', null, ...prose(doc.info.description)), make('p', { class: 'dim' }, 'Version ' + doc.info.version));
  for (const [tag, operations] of chapters) {
    const id = 'tag-' + tag.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    main.append(make('section', { class: 'chapter' }, make('h2', { id }, tag), ...operations));
    nav.append(make('a', { href: '#' + id }, tag));
  }
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target) { if (target.tagName === 'DETAILS') target.open = true; target.scrollIntoView(); }
  };
  addEventListener('hashchange', open);
  open();
};

document.getElementById('filter').addEventListener('input', (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  for (const chapter of document.querySelectorAll('.chapter')) {
    let any = false;
    for (const node of chapter.querySelectorAll('.operation')) {
      node.hidden = !words.every((word) => node.dataset.text.includes(word));
      any = any || !node.hidden;
    }
    chapter.hidden = !any;
  }
});

fetch('/openapi.json').then((answer) => {
  if (!answer.ok) throw new Error('/openapi.json answered ' + answer.status);
  return answer.json();
}).then((json) => { doc = json; draw(); })
  .catch((error) => { document.getElementById('state').textContent = 'The description could not be loaded: ' + error.message; });
