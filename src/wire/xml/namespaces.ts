/** Namespaces that every reference point in XML knows. */

/** XML Schema instances: `xsi:type`. */
export const XSI_NAMESPACE = 'http://www.w3.org/2001/XMLSchema-instance';
export const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
/** TS 103 280, common parameters. */
export const COMMON_NAMESPACE = 'http://uri.etsi.org/03280/common/2017/07';
