/** Name and version, for results. */
export const KIT_NAME = 'qanat-conformance 0.1.0';
