export class Admin {
  constructor(_: unknown) {}
}
