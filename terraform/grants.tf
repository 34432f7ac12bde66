# Lake Formation's grants. Analysts: gold, and some silver, without the columns that the contracts
# mark sensitive, and only the rows of their lines and cities; the views too, which read with the
# asker's rights. Auditors: every table whole, because Athena denies the metadata tables ("t$history"
# and the like) of a table that is filtered for you. Grants name tables, so the tables come first.

locals {
  granted = {
    for name, table in var.lake_formation_enabled && contains(keys(local.readers), "analyst") ? var.governed_tables : {} :
    name => {
      database = local.databases[split(".", name)[0]]
      table    = split(".", name)[1]
      hidden   = table.hidden
      rows = join(" and ", [
        for column, allowed in { (table.line) = var.analyst_lines, (table.city) = var.analyst_cities } :
        "${column} in ('${join("', '", sort(allowed))}')" if column != "" && length(allowed) > 0
      ])
    }
    if endswith(split(".", name)[0], "_gold") || contains(var.analyst_tables, name)
  }
  # A filter where there is something to hide; else the table whole, whose history can be asked too.
  filtered = { for name, grant in local.granted : name => grant if grant.rows != "" || length(grant.hidden) > 0 }
  whole    = { for name, grant in local.granted : name => grant if !contains(keys(local.filtered), name) }

  # Databases each reader must be able to name.
  named = merge([
    for reader, databases in {
      analyst = distinct(concat(values(local.granted)[*].database, [local.databases.views]))
      auditor = values(local.databases)
    } :
    { for database in databases : "${reader} ${database}" => { reader = reader, database = database } }
    if var.lake_formation_enabled && contains(keys(local.readers), reader)
  ]...)
  # Databases each reader sees whole.
  open = { for key, named in local.named : key => named if named.reader == "auditor" || named.database == local.databases.views }
}

resource "aws_lakeformation_permissions" "database" {
  for_each = local.named

  principal   = aws_iam_role.reader[each.value.reader].arn
  permissions = ["DESCRIBE"]

  database {
    name = each.value.database
  }

  depends_on = [aws_glue_catalog_database.this, aws_lakeformation_resource.warehouse]
}

resource "aws_lakeformation_permissions" "open" {
  for_each = local.open

  principal   = aws_iam_role.reader[each.value.reader].arn
  permissions = ["DESCRIBE", "SELECT"]

  table {
    database_name = each.value.database
    wildcard      = true
  }

  depends_on = [aws_lambda_invocation.tables, aws_lakeformation_resource.warehouse]
}

resource "aws_lakeformation_permissions" "whole" {
  for_each = local.whole

  principal   = aws_iam_role.reader["analyst"].arn
  permissions = ["DESCRIBE", "SELECT"]

  table {
    database_name = each.value.database
    name          = each.value.table
  }

  depends_on = [aws_lambda_invocation.tables, aws_lakeformation_resource.warehouse]
}

resource "aws_lakeformation_data_cells_filter" "analyst" {
  for_each = local.filtered

  table_data {
    table_catalog_id = local.account
    database_name    = each.value.database
    table_name       = each.value.table
    name             = "${local.name}-analyst"

    column_wildcard {
      excluded_column_names = each.value.hidden
    }
    row_filter {
      filter_expression = each.value.rows == "" ? null : each.value.rows

      dynamic "all_rows_wildcard" {
        for_each = each.value.rows == "" ? ["all"] : []

        content {}
      }
    }
  }

  depends_on = [aws_lambda_invocation.tables, aws_lakeformation_resource.warehouse]
}

resource "aws_lakeformation_permissions" "filtered" {
  for_each = local.filtered

  principal   = aws_iam_role.reader["analyst"].arn
  permissions = ["SELECT"]

  data_cells_filter {
    table_catalog_id = local.account
    database_name    = each.value.database
    table_name       = each.value.table
    name             = aws_lakeformation_data_cells_filter.analyst[each.key].table_data[0].name
  }
}

# Hybrid access: without it a principal is not held to the grants at all. Auditors are not: what IAM
# lets them read is everything.
resource "aws_lakeformation_opt_in" "analyst" {
  for_each = { for key, named in local.named : named.database => named if named.reader == "analyst" }

  principal {
    data_lake_principal_identifier = aws_iam_role.reader["analyst"].arn
  }
  resource_data {
    table {
      database_name = each.key
      wildcard      = true
    }
  }

  depends_on = [aws_lakeformation_permissions.database, aws_lambda_invocation.tables]
}
