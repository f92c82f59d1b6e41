/** Name and version that servers and clients of this package tell their peers. */
export const SOFTWARE = 'qanat-ts/0.1.0';
