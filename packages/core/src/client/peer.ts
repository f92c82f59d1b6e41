/** What a slave is called where the name of a broker means its master; no name of a broker has a slash. */
export const slavePeer = (broker: string, replica: number): string => `${broker}/${replica}`;
