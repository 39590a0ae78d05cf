/** Elements of XML documents as trees, and how a reference point names their namespaces. */

/** A qualified name; where documents are read whole, with the prefix that it had. */
export interface QName {
  readonly namespace: string;
  readonly name: string;
  readonly prefix?: string;
}

/** An element: either child elements or text. */
export interface XmlElement extends QName {
  /** The value of `xsi:type`, resolved. */
  readonly type: QName | null;
  readonly children: readonly XmlElement[];
  /** Character data, CDATA sections included; of an element with children: what stands between them. */
  readonly text: string;
  /** Where documents are read whole, as far as there are any: other attributes, children among text. */
  readonly attributes?: readonly XmlAttributeValue[];
  readonly mixed?: readonly (string | XmlElement)[];
}

export interface XmlAttributeValue extends QName {
  readonly prefix: string;
  readonly value: string;
}

/** Prefixes of namespaces; '' is the default namespace. */
export type XmlPrefixes = ReadonlyMap<string, string>;

/** How a reference point writes its documents. */
export interface XmlVocabulary {
  /** Declared by the root. */
  readonly declared: XmlPrefixes;
  /** Where they are needed. */
  readonly others?: XmlPrefixes;
}
