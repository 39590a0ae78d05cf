/** What comes from outside is read by a form, or looked at as it is: it is never called something that it may not be. */

/** @type {import('eslint').Rule.RuleModule} */
export const unread = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { unread: 'What JSON.parse gives is unknown: read it by a Form (bytes/schema.ts).' },
  },
  create(context) {
    return {
      'TSAsExpression:not([typeAnnotation.type="TSUnknownKeyword"]) > CallExpression[callee.object.name="JSON"][callee.property.name="parse"]':
        (/** @type {import('estree').Node} */ node) => context.report({ node, messageId: 'unread' }),
    };
  },
};

/** @type {import('eslint').Rule.RuleModule} */
export const unreadRows = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      unread: 'What a statement gives is unknown: read it by a TableReader (storage/stored-tables.ts).',
    },
  },
  create(context) {
    const report = (/** @type {import('estree').Node} */ node) =>
      context.report({ node, messageId: 'unread' });
    return {
      'CallExpression[callee.property.name="prepare"][typeArguments.params.length=2]': report,
      'TSTypeReference[typeName.right.name="Statement"][typeArguments.params.length=2]': report,
      'TaggedTemplateExpression[tag.name="sql"][typeArguments]': report,
    };
  },
};
