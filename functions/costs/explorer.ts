/** Why Cost Explorer gives no figures at all, with the remedy; undefined if another attempt may help. */
export function explainClosedExplorer(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'DataUnavailableException')
    return 'Cost Explorer has no data yet. AWS prepares them within about 24 hours after Cost Explorer was enabled. The next daily card tries again.';
  if (error.name !== 'AccessDeniedException') return undefined;
  if (/not enabled for cost explorer/i.test(error.message))
    return 'Cost Explorer is not enabled. Open it once in the Billing and Cost Management console of the account; in an organisation, the management account opens it and gives linked accounts access. The first figures follow about 24 hours later.';
  return 'AWS denies access to Cost Explorer (ce:GetCostAndUsage). Check the service control policies of the organisation, the access of linked accounts to Cost Explorer, and IAM access to billing information in the account settings.';
}
