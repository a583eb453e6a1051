/** The condition that a KMS key is used only through the service that holds the data: a stolen role cannot decrypt by hand. */
export const throughService = (service: string, region: string) => ({
  'kms:ViaService': `${service}.${region}.amazonaws.com`,
});
