/** The command line as pages, made of what the commands' own help says: one page for each command of the first level. */

/**
 * @typedef {import('../../src/cli/reference/outline.ts').CommandOutline} CommandOutline
 * @typedef {import('../../src/cli/reference/outline.ts').OptionOutline} OptionOutline
 */

/** @param {CommandOutline} tree */
export function commandPages(tree) {
  const rows = tree.commands.map(({ path, description }) => {
    const name = path.at(-1) ?? '';
    return `| [${path.join(' ')}](${name}.md) | ${inCell(description)} |`;
  });
  const index = [
    '# Commands',
    '',
    'Made from what `claviger --help` says. In a checkout, `claviger` is `npx claviger`. The Debian package has a manual page for each.',
    '',
    '| command | what it does |',
    '| --- | --- |',
    ...rows,
    '',
    ...optionsOf(tree),
  ];
  return [
    { source: 'docs/commands/index.md', markdown: index.join('\n') },
    ...tree.commands.map((command) => ({
      source: `docs/commands/${command.path.at(-1)}.md`,
      markdown: sectionOf(command, '#').join('\n'),
    })),
  ];
}

/** A command and all below it. @param {CommandOutline} outline @param {string} mark of its heading @returns {string[]} */
function sectionOf(outline, mark) {
  const { path, description, commands, notes } = outline;
  const terms = outline.arguments.map(({ term }) => term);
  const needed = outline.options.filter(({ mandatory }) => mandatory).map(({ flags }) => flags);
  const usage = [...path, ...needed, '[options]', ...(commands.length > 0 ? ['<command>'] : []), ...terms];
  return [
    `${mark} ${path.join(' ')}`,
    '',
    `${description.charAt(0).toUpperCase()}${description.slice(1)}.`,
    '',
    '```',
    usage.join(' '),
    '```',
    '',
    ...(outline.arguments.length === 0
      ? []
      : [
          '| argument | meaning |',
          '| --- | --- |',
          ...outline.arguments.map(
            ({ term, description: about, choices }) =>
              `| \`${term}\` | ${inCell(withChoices(about, choices))} |`,
          ),
          '',
        ]),
    ...optionsOf(outline),
    ...(notes === '' ? [] : ['```', notes, '```', '']),
    ...commands.flatMap((each) => sectionOf(each, '##')),
  ];
}

/** @param {CommandOutline} outline @returns {string[]} */
function optionsOf({ options }) {
  if (options.length === 0) return [];
  const rows = options.map(
    (option) =>
      `| \`${option.flags.replaceAll('|', '\\|')}\` | ${inCell(withChoices(option.description, option.choices))} | ${inCell(option.byDefault ?? '')} |`,
  );
  return ['| option | meaning | default |', '| --- | --- | --- |', ...rows, ''];
}

/** @param {string} text @param {readonly string[]} choices */
function withChoices(text, choices) {
  return choices.length === 0 ? text : `${text} (${choices.join(', ')})`;
}

/** Text as it is, in a cell of a table. @param {string} text */
function inCell(text) {
  return text
    .replace(/\s+/g, ' ')
    .replaceAll('|', '\\|')
    .replace(/[<[\]*_]/g, (sign) => `\\${sign}`);
}
