/** Every device, where nobody is asked who he is. */
export const ANONYMOUS = 'anonymous';

/** Whether a principal may have the session that another one began: nobody's is anybody's, so that users can be introduced. */
export const mayHaveSessionOf = (principal: string, beganIt: string): boolean => beganIt === principal || beganIt === ANONYMOUS;
