/** A bucket, and where its server is. */
export interface S3Place {
  readonly bucket: string;
  /** Comes before every object's name; empty, or ends in `/`. */
  readonly prefix: string;
  readonly region: string;
  /** The server's URL; absent: Amazon's of the region. */
  readonly endpoint: string | undefined;
  /** The bucket stands in the path of a request instead of its host name. */
  readonly pathStyle: boolean;
}
