/** What changes a site. */
import { graphql } from '../generated/index.ts'

export const ROLL_SITE_BACK = graphql(`
  mutation RollSiteBack($artifactId: ID!, $versionNo: Int!) {
    rollbackArtifact(input: { artifactId: $artifactId, versionNo: $versionNo }) { __typename }
  }
`)

export const CHANGE_SITE = graphql(`
  mutation ChangeSite($input: UpdateArtifactInput!) {
    updateArtifact(input: $input) { __typename }
  }
`)

export const DELETE_SITE = graphql(`
  mutation DeleteSite($artifactId: ID!) {
    deleteArtifact(input: { artifactId: $artifactId }) { __typename }
  }
`)

export const BRING_SITE_BACK = graphql(`
  mutation BringSiteBack($artifactId: ID!) {
    restoreArtifact(input: { artifactId: $artifactId }) { __typename }
  }
`)

export const DELETE_SITE_VERSION = graphql(`
  mutation DeleteSiteVersion($artifactId: ID!, $versionNo: Int!) {
    deleteVersion(input: { artifactId: $artifactId, versionNo: $versionNo }) { __typename }
  }
`)

export const APP_OF_SITE = graphql(`
  query AppOfSite($slug: String!) {
    artifact(slug: $slug) {
      mobileUrl
      liveVersion { pwa { installable manifestUrl serviceWorkerUrl } }
    }
  }
`)
