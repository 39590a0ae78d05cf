/** What `JSON.parse` gives is read by a form, or looked at as it is: it is never called something that it may not be. */

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
