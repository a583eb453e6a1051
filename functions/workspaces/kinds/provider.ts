import type { ImageName } from '../../images/schemas.ts';
import type { DesktopProtocol } from '../schemas.ts';

/** What differs between kinds of workspaces. A kind is one file in this folder and a line in `kinds.ts`. */
export interface WorkspaceProvider {
  /** What a person gets, in the words of the command line. */
  readonly summary: string;
  /** The image that it starts from. */
  readonly image: ImageName;
  /** The root device of that image, as Debian and Microsoft name it. Another name would add a second disk. */
  readonly rootDevice: string;
  /** The device of the disk that holds the person's home. It outlives the machine when the workspace is archived. */
  readonly homeDevice: string;
  readonly homeGigabytes: number;
  readonly protocol: Exclude<DesktopProtocol, 'dcv'>;
  /** Whether its image can hold Amazon DCV. Then its agent says so in its report. */
  readonly hasDcv?: true;
  /** The instance families that it may run on, as patterns of instance types. The configuration chooses among them. */
  readonly families: RegExp;
  /**
   * The instance types on which AWS can hibernate the image of this kind; left out for images that it hibernates on none.
   * Machines with more memory than AWS saves are not among them.
   */
  readonly hibernates?: RegExp;
  /** The load of the processors, averaged over a minute, from which the machine counts as calculating. */
  readonly busyLoad: number;
}
