'use strict';

const js = require('@eslint/js');
const globals = require('globals');

module.exports = [
  {
    // What is generated, and what is a copy to the byte of somebody else's.
    ignores: [
      '**/node_modules/',
      '**/target/',
      '.venv/',
      '.cache/',
      'native.js',
      'examples/*.js',
      '__test__/autobahn/kit/',
      '__test__/autobahn/reports/',
      'bench/results/'
    ]
  },
  js.configs.recommended,
  {
    languageOptions: {
      ecmaVersion: 2023,
      globals: globals.node,
      sourceType: 'commonjs'
    },
    rules: {
      'array-callback-return': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-constant-condition': ['error', { checkLoops: 'none' }],
      'no-self-compare': 'error',
      'no-throw-literal': 'error',
      'no-unused-vars': [
        'error',
        { args: 'after-used', argsIgnorePattern: '^_' }
      ],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],
      'prefer-rest-params': 'error',
      'prefer-spread': 'error',
      strict: ['error', 'global']
    }
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { sourceType: 'module' },
    rules: { strict: 'off' }
  },
  {
    files: ['**/public/**/*.js'],
    languageOptions: { globals: globals.browser, sourceType: 'module' },
    rules: { strict: 'off' }
  },
  {
    // The addon is loaded in one folder.
    files: ['lib/**/*.js', 'index.js'],
    ignores: ['lib/engine/*.js'],
    rules: {
      'no-restricted-modules': [
        'error',
        { patterns: ['**/load-native*', '**/native.js'] }
      ]
    }
  },
  {
    // A list that a user or a peer makes long fits in no call, and is slow to
    // be taken from. Where it is known to be short a comment says why.
    files: ['lib/**/*.js'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: ':matches(CallExpression, NewExpression) > SpreadElement',
          message: 'A long list overflows the stack: loop over it.'
        },
        {
          selector: 'CallExpression[callee.property.name="apply"]',
          message: 'A long list overflows the stack: loop over it.'
        },
        {
          selector:
            'CallExpression[callee.property.name=/^(shift|unshift|splice)$/]',
          message:
            'It moves all that stays: use a Fifo (lib/connection/fifo.js).'
        }
      ]
    }
  }
];
