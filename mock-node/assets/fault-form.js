// The form that adds a fault. Its effects, routes and parameters come from the schema of the control API.

/**
 * Creates a labelled control.
 *
 * @param field a JSON schema
 * @param empty what it means if nothing is entered
 */
function createField(label, field, { isRequired = false, empty = 'optional' } = {}) {
  const element = document.createElement('label');
  const control = document.createElement(field.enum || field.type === 'boolean' ? 'select' : 'input');
  const options = field.enum ?? (field.type === 'boolean' ? [true, false] : []);
  for (const option of options) control.append(new Option(option === '*' ? 'all' : String(option), String(option)));
  if (options.length > 0) control.value = String(field.default ?? options[0]);
  else {
    control.type = ['number', 'integer'].includes(field.type) ? 'number' : 'text';
    if (control.type === 'number') control.step = field.type === 'integer' ? '1' : 'any';
    for (const [limit, name] of Object.entries({ minimum: 'min', maximum: 'max' }))
      if (field[limit] !== undefined) control[name] = String(field[limit]);
    control.placeholder = String(field.default ?? (isRequired ? '' : empty));
    control.required = isRequired;
  }
  element.append(label, control);
  return {
    element,
    /** Undefined if nothing was entered. */
    read: () => {
      if (control.value === '') return undefined;
      return ['number', 'integer', 'boolean'].includes(field.type) ? JSON.parse(control.value) : control.value;
    },
  };
}

/** Number literals as options, for example statuses of a redirect. */
function toField(schema) {
  const literals = schema.anyOf?.map((each) => each.const);
  return literals === undefined ? schema : { type: 'number', enum: literals, default: schema.default };
}

/**
 * Fills the form and sends its fault.
 *
 * @param schemas the schemas of the control API's document
 * @param add sends a fault; resolves to whether it was added
 * @param getNames the names that are in use
 */
export function setUpFaultForm(form, { schemas, add, getNames }) {
  const [, { oneOf: effects }] = schemas.EffectInput.anyOf;
  const { match, probability, times, name } = schemas.FaultInput.properties;
  const [, route] = match.properties.route.anyOf;
  const kinds = effects.map(({ properties }) => properties.kind.const);
  const fields = {
    kind: createField('Effect', { enum: kinds, default: 'status' }),
    route: createField('Route', { enum: ['*', ...route.enum] }),
    probability: createField('Probability', probability),
    times: createField('Times at most', times, { empty: 'unlimited' }),
    name: createField('Name', name, { empty: 'that of the effect' }),
  };
  const [description, parameters] = [document.createElement('p'), document.createElement('div')];
  const button = Object.assign(document.createElement('button'), { type: 'submit', textContent: 'Add the fault' });
  let read = () => ({});
  description.className = 'note';
  parameters.className = 'fields';
  const rest = document.createElement('div');
  rest.className = 'fields';
  rest.append(...[fields.route, fields.probability, fields.times, fields.name].map(({ element }) => element));
  form.replaceChildren(fields.kind.element, description, parameters, rest, button);

  const showParameters = () => {
    const effect = effects.find(({ properties }) => properties.kind.const === fields.kind.read());
    const { kind: _, ...properties } = effect.properties;
    const inputs = Object.entries(properties).map(([key, schema]) => [
      key,
      createField(key, toField(schema), { isRequired: effect.required.includes(key) }),
    ]);
    description.textContent = effect.description.replaceAll('`', '');
    parameters.replaceChildren(...inputs.map(([, { element }]) => element));
    read = () => Object.fromEntries(inputs.map(([key, input]) => [key, input.read()]));
  };
  fields.kind.element.addEventListener('change', showParameters);
  showParameters();

  form.onsubmit = async (event) => {
    event.preventDefault();
    const kind = fields.kind.read();
    const fault = {
      name: fields.name.read() ?? findFreeName(kind, getNames()),
      match: { route: fields.route.read() },
      probability: fields.probability.read(),
      times: fields.times.read(),
      effect: { kind, ...read() },
    };
    if (!(await add(fault))) return;
    form.reset();
    showParameters();
  };
}

function findFreeName(kind, names) {
  const name = kind.replaceAll('_', '-');
  for (let n = 1; ; n++) {
    const free = n === 1 ? name : `${name}-${n}`;
    if (!names.includes(free)) return free;
  }
}
