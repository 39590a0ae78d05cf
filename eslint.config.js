import tseslint from 'typescript-eslint';
import { layers, rules } from './scripts/lint/layers.js';
import { unread, unreadRows } from './scripts/lint/unread.js';

/** What is handed in below the entities' wiring: the clock, randomness, the environment and the console. */
const injected = [
  { object: 'Date', property: 'now', message: 'Take a Clock through the constructor.' },
  { object: 'Math', property: 'random', message: 'Take a Random through the constructor.' },
  { object: 'process', property: 'env', message: 'Only an entity’s wiring reads the environment.' },
];

const pure = [
  'bytes',
  'ibe',
  'mikey',
  'sip',
  'media',
  'ibake',
  'wire',
  'evidence',
  'x1',
  'poi',
  'endpoint',
  'entities',
];

/** Node's recursive mkdir never returns below /proc. */
const foldersMessage =
  'makeFolder of storage/files.ts comes to an end wherever it is, and says why it could not.';

export default tseslint.config(
  { ignores: ['dist', 'coverage', '.test-results', 'docs-api', 'docs-site', 'node_modules', 'assets'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { claviger: { rules: { layers, rules, unread, unreadRows } } },
    rules: { 'claviger/layers': 'error', 'claviger/rules': 'error', 'claviger/unread': 'error' },
  },
  {
    files: ['src/**/*.ts'],
    // Tables without a name that only this process can have written, and that go with it (`openScratch`).
    ignores: ['src/entities/lemf/store/numbers.ts', 'src/entities/lemf/store/workspace.ts'],
    rules: { 'claviger/unreadRows': 'error' },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/storage/files.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'node:fs', importNames: ['mkdirSync', 'mkdir'], message: foldersMessage },
            { name: 'node:fs/promises', importNames: ['mkdir'], message: foldersMessage },
          ],
        },
      ],
    },
  },
  {
    files: pure.map((room) => `src/${room}/**/*.ts`),
    rules: {
      'no-restricted-properties': ['error', ...injected],
      'no-restricted-globals': ['error', 'console'],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Take a Clock.' },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
);
